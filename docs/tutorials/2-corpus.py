# %% ko
# # 2. 덤프에서 말뭉치까지
#
# 위키백과 덤프는 XML 안에 위키 문법으로 쓴 글이다. 손으로 쓴 작은 덤프로 무엇이 남고 무엇이 버려지는지 본다.
# %% en
# # 2. From a dump to a corpus
#
# A Wikipedia dump is XML around text in wiki markup. A small one, written by hand, shows what stays and what goes.
# %%
from pathlib import Path
from tempfile import mkdtemp

folder = Path(mkdtemp())
PAGES = {
    "말모이": """{{책 정보|제목=말모이}}
'''말모이'''는 [[조선어]] 낱말을 모아 뜻을 풀이하려던 [[사전|우리말 사전]]의 원고이다.<ref>옛 신문</ref>
== 펴냄 ==
끝내 펴내지 못했지만, 그 뜻은 다음 세대의 사전으로 이어졌다.
[[파일:원고.jpg|섬네일|원고]]
[[분류:사전]]""",
    "말 모이": "#넘겨주기 [[말모이]]",
    "짧은 글": "아직 쓰는 중.",
    "표만 있는 글": "{| class='wikitable'\n|-\n| 가 || 나\n|}",
}
body = "".join(
    f"<page><title>{title}</title><ns>0</ns><id>{number}</id><revision><id>{number}</id><text>{text}</text></revision></page>"
    for number, (title, text) in enumerate(
        ((t, x.replace("<", "&lt;").replace(">", "&gt;")) for t, x in PAGES.items()), start=1
    )
)
dump = folder / "dump.xml"
dump.write_text(f'<mediawiki xml:lang="ko">{body}</mediawiki>', encoding="utf-8")
# %% ko
# 한 함수, 한 명령이다: `malmoi corpus dump.xml --out corpus --rejects rejects.jsonl`
# %% en
# One function, one command: `malmoi corpus dump.xml --out corpus --rejects rejects.jsonl`
# %%
import json

from malmoi.corpus.build import build_corpus
from malmoi.corpus.options import CorpusOptions

report = build_corpus([dump], folder / "corpus", CorpusOptions(min_chars=30), rejects=folder / "rejects.jsonl")
print(report)
for line in (folder / "corpus" / "part-00000.jsonl").read_text(encoding="utf-8").splitlines():
    document = json.loads(line)
    print("\n#", document["title"])
    print(document["text"])
assert report.n_kept == 1
# %% ko
# 버려진 글도 까닭과 함께 남는다. 며칠을 학습하기 전에 먼저 열어 볼 파일이다.
# %% en
# What was dropped is kept, with the reason: the file to open before you train for days.
# %%
for line in (folder / "rejects.jsonl").read_text(encoding="utf-8").splitlines():
    reject = json.loads(line)
    print(f"{reject['reason']:>20}  {reject['title']}")
text = document["text"]
assert "우리말 사전의 원고이다." in text and not any(mark in text for mark in ("{{", "[[", "<ref", "분류:", "섬네일"))
