"""What every analyser keeps to, on ordinary text and on any other."""

import pickle
import unicodedata

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from malmoi.morphology.morph import Analyzer, Morph, analyze
from malmoi.morphology.sejong import TAGS

_TROUBLE = [
    *"아버지가방에들어가신다했봤돼ㅋㅠab1 .漢字\t\n\x00\u200b\ufeff\ud800[]/+",
    *["\u1112\u1162\u11bb", "\u1112", "\u11ab", "e\u0301", "\U0001f600", "\U0001f468\u200d\U0001f469", "ㄴ데"],
    *["모았다", "도와요", "이루어졌다", "http://a.kr/", "a@b.kr", "#말", "3.14", "..."],
]
TEXT = st.lists(st.sampled_from(_TROUBLE), max_size=15).map("".join)


def forms(morphs: list[Morph]) -> str:
    return " ".join(f"{morph.form}/{morph.tag}" for morph in morphs)


def test_the_lecture_s_sentence(analyzer: Analyzer) -> None:
    """They disagree about it, and Okt leaves verbs whole."""
    text = "아버지가방에들어가신다."
    [morphs] = analyze(analyzer, [text])
    if analyzer.name == "okt":
        assert forms(morphs) == "아버지/NNG 가방/NNG 에/JKB 들어가신다/VV ./SF"
        assert morphs[3].lemma == "들어가다"
    else:
        assert forms(morphs) == "아버지/NNG 가/JKS 방/NNG 에/JKB 들어가/VV 시/EP ㄴ다/EF ./SF"
        assert [text[m.start : m.end] for m in morphs[4:]] == ["들어가", "신", "신다", "."]
        assert [m.lemma for m in morphs[4:6]] == ["들어가다", "시"]


def test_contractions_share_their_syllable(fine_analyzer: Analyzer) -> None:
    [morphs] = analyze(fine_analyzer, ["책을 봤다"])
    assert forms(morphs)[:8] == "책/NNG 을/"
    assert (morphs[2].form, morphs[2].start, morphs[2].end) == ("보", 3, 4)
    assert (morphs[3].tag, morphs[3].start, morphs[3].end) == ("EP", 3, 4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(TEXT, max_size=3))
def test_spans_are_in_order_inside_and_not_empty(analyzer: Analyzer, texts: list[str]) -> None:
    answers = list(analyze(analyzer, texts))
    assert len(answers) == len(texts)
    for text, morphs in zip(texts, answers, strict=True):
        assert [m.start for m in morphs] == sorted(m.start for m in morphs)
        for morph in morphs:
            assert 0 <= morph.start < morph.end <= len(text)
            assert morph.tag in TAGS
            assert morph.form and morph.lemma
            assert text[morph.start : morph.end].strip()


def test_decomposed_text_is_analysed_like_composed(analyzer: Analyzer) -> None:
    text = "말모이를 모았다."
    decomposed = unicodedata.normalize("NFD", text)
    [composed], [other] = list(analyze(analyzer, [text])), list(analyze(analyzer, [decomposed]))
    assert forms(composed) == forms(other)
    for ours, theirs in zip(composed, other, strict=True):
        written = unicodedata.normalize("NFC", decomposed[theirs.start : theirs.end])
        assert written == text[ours.start : ours.end]


def test_it_goes_to_worker_processes(analyzer: Analyzer) -> None:
    copy = pickle.loads(pickle.dumps(analyzer))
    assert (copy.name, copy.version) == (analyzer.name, analyzer.version)
    if analyzer.name == "mecab":  # the others take their time to load
        assert list(analyze(copy, ["봤다"])) == list(analyze(analyzer, ["봤다"]))
