"""The Sejong tags (TTA.KO-11.0010), and what other analysers call them. Tables to read; nothing is computed.

nouns     NNG common  NNP proper  NNB dependent  NP pronoun  NR numeral
verbs     VV verb  VA adjective  VX auxiliary  VCP 이다  VCN 아니다
modifiers MM determiner  MAG adverb  MAJ conjunctive adverb      IC interjection
particles JKS subject  JKC complement  JKG genitive  JKO object  JKB adverbial  JKV vocative  JKQ quotation
          JX auxiliary  JC conjunctive
endings   EP pre-final  EF final  EC connective  ETN nominal  ETM adnominal
affixes   XPN prefix  XSN noun suffix  XSV verb suffix  XSA adjective suffix  XR root
signs     SF . ? !  SP , · : /  SS quotes, brackets  SE …  SO - ~  SW others
others    SL Latin and other letters  SH Hanja  SN digits  NA not analysed
"""

TAGS = frozenset(
    """
    NNG NNP NNB NP NR VV VA VX VCP VCN MM MMA MMD MMN MAG MAJ IC JKS JKC JKG JKO JKB JKV JKQ JX JC
    EP EF EC ETN ETM XPN XSN XSV XSA XR SF SP SS SE SO SW SL SH SN NA
    """.split()  # noqa: SIM905
)
VERBAL = frozenset(("VV", "VA", "VX", "VCP", "VCN", "XSV", "XSA"))
"""What takes endings: in a dictionary it stands with `다`."""
ENDINGS = frozenset(("EP", "EF", "EC", "ETN", "ETM"))

# Kiwi: the tag without `-R` and `-I` (regular and irregular verbs).
KIWI = {
    "XSM": "MAG",  # -이, -히: what it makes is an adverb; Sejong has no suffix for it
    "SSO": "SS",  # opening
    "SSC": "SS",  # closing
    "SB": "SW",  # bullets: 가. 1)
    "UN": "NA",
    "W_URL": "SL",
    "W_EMAIL": "SL",
    "W_HASHTAG": "SL",
    "W_MENTION": "SL",
    "W_SERIAL": "SN",  # telephone numbers and the like
    "W_EMOJI": "SW",
    "Z_CODA": "IC",  # a consonant added for feeling: 했엌
    "Z_SIOT": "XSN",  # the ㅅ between two nouns: 아랫집
}

MECAB = {
    "NNBC": "NNB",  # units: 년, 개
    "SC": "SP",  # , · : /
    "SSO": "SS",
    "SSC": "SS",
    "SY": "SW",
    "UNKNOWN": "NA",
}

OKT = {
    "Noun": "NNG",
    "ProperNoun": "NNP",
    "Verb": "VV",  # with all its endings: Okt does not cut them
    "Adjective": "VA",
    "Determiner": "MM",
    "Modifier": "MM",
    "Adverb": "MAG",
    "Conjunction": "MAJ",
    "Exclamation": "IC",
    "KoreanParticle": "IC",  # ㅋㅋ, ㅠㅠ
    "Josa": "JX",  # but see OKT_PARTICLES
    "Eomi": "EF",
    "PreEomi": "EP",
    "VerbPrefix": "XPN",
    "Suffix": "XSN",
    "Number": "SN",
    "Alpha": "SL",
    "Foreign": "SW",  # but see OKT_SIGNS; Hanja become SH
    "Punctuation": "SW",  # but see OKT_SIGNS
    "Hashtag": "SL",
    "ScreenName": "SL",
    "Email": "SL",
    "URL": "SL",
    "CashTag": "SL",
    "Unknown": "NA",
}
# Okt has one tag for all particles and one for all signs.
OKT_PARTICLES = {
    form: tag
    for tag, forms in {
        "JKS": "이 가 께서",
        "JKO": "을 를",
        "JKG": "의",
        "JKB": "에 에서 에게 에게서 로 으로 로서 으로서 로써 으로써 한테 께 보다 처럼",
        "JC": "와 과 랑 이랑 하고",
        "JKQ": "라고 이라고",
    }.items()
    for form in forms.split()
}
OKT_SIGNS = {
    **dict.fromkeys(".?!。？！", "SF"),
    **dict.fromkeys(",·:;/、", "SP"),
    **dict.fromkeys("\"'()[]{}<>“”‘’「」『』《》〈〉", "SS"),
    **dict.fromkeys("…", "SE"),
    **dict.fromkeys("-~∼～", "SO"),
}

_CODAS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
COMPATIBILITY = {0x11A8 + i: coda for i, coda in enumerate(_CODAS)}
"""Trailing jamo to compatibility jamo, for `str.translate`: trailing ones would join the syllable before them."""
CODAS = frozenset(_CODAS)
"""Consonants that may close a syllable."""


def lemma_of(form: str, tag: str) -> str:
    """As a dictionary lists it."""
    return form + "다" if tag in VERBAL else form
