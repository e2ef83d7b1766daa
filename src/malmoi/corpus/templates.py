"""The templates of a wiki whose text is among their arguments. Every other template is dropped, not expanded.

There is no way to expand a template without its wiki. But a sentence must not lose the words that stand in one:
foreign names, dates, numbers with units, quotations. Names are those of Korean Wikipedia and of the English one,
whose templates it imports under their own names.
"""

import re
from collections.abc import Callable
from typing import NamedTuple


class Arguments(NamedTuple):
    """What stands behind the name of a template, bars cut and white space stripped."""

    numbered: list[str]
    named: dict[str, str]

    def get(self, number: int) -> str:
        """A numbered argument, from 1; empty where there is none."""
        return self.numbered[number - 1] if number <= len(self.numbered) else ""

    def first_named(self, *names: str) -> str:
        """The first of these that is not empty."""
        return next(filter(None, (self.named.get(name, "") for name in names)), "")


_Rule = Callable[[Arguments], str]
_ISO_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})$")
_DIGITS = re.compile(r"-?\d{4,}(?:\.\d+)?$")


def expand_template(inside: str, title: str) -> str:
    """The text of a template, from what stands between its braces; empty if it is not known.

    Templates and links inside must have become text. `title` is the page's, which `{{PAGENAME}}` stands for.
    """
    name, bar, rest = inside.partition("|")
    name = name.strip().replace("_", " ").lower().removeprefix("틀:").removeprefix("template:").lstrip()
    rule = TEMPLATES.get(name)
    if rule:
        return rule(_split(rest) if bar else Arguments([], {}))
    if name.startswith(("lang-", "llang-")):
        return _split(rest).get(1)
    if ":" in name:
        return _function(inside)
    return title if name in _PAGE_NAMES else ""


def _split(rest: str) -> Arguments:
    numbered: list[str] = []
    named: dict[str, str] = {}
    for part in rest.split("|"):
        key, equals, value = part.partition("=")
        if not equals:
            numbered.append(part.strip())
        elif (key := key.strip()).isdecimal() and len(key) < 3:
            place = max(int(key), 1)
            numbered += [""] * (place - len(numbered))
            numbered[place - 1] = value.strip()
        else:
            named[key.lower()] = value.strip()
    return Arguments(numbered, named)


def _function(inside: str) -> str:
    """`{{formatnum:1234567}}` and those that change case. Conditions need the wiki: they are dropped."""
    name, _, value = inside.partition(":")
    name, value = name.strip().lower(), value.partition("|")[0].strip()
    if name in ("formatnum", "숫자서식"):
        return _group(value)
    if name in ("lc", "lcfirst", "소문자"):
        return value.lower() if name != "lcfirst" else value[:1].lower() + value[1:]
    if name in ("uc", "ucfirst", "대문자"):
        return value.upper() if name != "ucfirst" else value[:1].upper() + value[1:]
    return ""


def _group(number: str) -> str:
    if not _DIGITS.match(number):
        return number
    whole, point, fraction = number.partition(".")
    return f"{int(whole):,}{point}{fraction}" if len(whole) < 40 else number


def _first(arguments: Arguments) -> str:
    return arguments.get(1) or arguments.first_named("text", "내용", "텍스트")


def _second(arguments: Arguments) -> str:
    return arguments.get(2) or arguments.first_named("text", "내용", "텍스트")


def _last(arguments: Arguments) -> str:
    return next((value for value in reversed(arguments.numbered) if value), "")


def _lang(arguments: Arguments) -> str:
    """`{{lang|de|Berlin}}`; with one argument only, the code was forgotten."""
    return _second(arguments) or arguments.get(1)


def _chinese(arguments: Arguments) -> str:
    return arguments.first_named("t", "s", "c", "hanzi", "정체", "간체", "한자", "번체") or _last(arguments)


def _nihongo(arguments: Arguments) -> str:
    """`{{nihongo|도쿄|東京|Tōkyō}}`: the words, and in brackets how Japanese writes and speaks them."""
    first, rest = arguments.get(1), ", ".join(filter(None, arguments.numbered[1:3]))
    return f"{first}({rest})" if first and rest else first or rest


def _ruby(arguments: Arguments) -> str:
    base, reading = arguments.get(1), arguments.get(2)
    return f"{base}({reading})" if reading else base


def _link(arguments: Arguments) -> str:
    """A link to another language's page, shown as a name until the page exists here."""
    return arguments.first_named("lt", "label", "표시", "보이는이름", "보이는 이름", "텍스트") or arguments.get(1)


def _quote(arguments: Arguments) -> str:
    text = arguments.get(1) or arguments.first_named("text", "quote", "인용문", "인용", "내용", "본문")
    return f"\n{text}\n" if text else ""


def _date(arguments: Arguments) -> str:
    """`{{날짜|2021|3|5}}`, also as 2021-03-05; dates of other wikis are joined as they stand."""
    parts = [value for value in arguments.numbered if value][:3]
    if parts and (iso := _ISO_DATE.match(parts[0])):
        parts = list(iso.groups())
    if not parts or not all(part.isdecimal() and len(part) < 5 for part in parts) or len(parts[0]) < 3:
        return " ".join(parts)
    return " ".join(f"{int(part)}{unit}" for part, unit in zip(parts, "년월일", strict=False))


def _quantity(arguments: Arguments) -> str:
    """`{{convert|10|km|mi}}`: the number as it was written, and its unit. Ranges: `{{convert|3|to|5|km}}`."""
    values = arguments.numbered
    n = 3 if len(values) > 3 and not values[1][:1].isdecimal() and values[2][:1].isdecimal() else 1
    number = "~".join(_group(value) for value in values[:n:2])
    unit = arguments.get(n + 1) or arguments.first_named("u", "ul", "단위")
    return f"{number} {unit.replace('2', '²').replace('3', '³')}".strip()


def _fraction(arguments: Arguments) -> str:
    """`{{frac|1|2}}` is 1/2, `{{frac|3|1|2}}` 3 1/2, `{{frac|2}}` 1/2."""
    parts = [value for value in arguments.numbered if value]
    if len(parts) == 1:
        parts.insert(0, "1")
    return " ".join([*parts[:-2], "/".join(parts[-2:])])


def _joined(separator: str) -> _Rule:
    return lambda arguments: separator.join(filter(None, arguments.numbered))


def _constant(text: str) -> _Rule:
    return lambda arguments: text


def _as_of(arguments: Arguments) -> str:
    return "As of " + " ".join(reversed([value for value in arguments.numbered if value]))


_PAGE_NAMES = ("pagename", "fullpagename", "subpagename", "문서이름", "전체문서이름", "문서명")

# Rule, and the names that follow it, lower case, cut at commas.
_NAMES: list[tuple[_Rule, str]] = [
    (_lang, "lang, llang, langue, langx, 언어, lang-hani, wikt-lang, 원어"),
    (_chinese, "zh, 중국어, 중국어 표기, lang-zh, zh-hani"),
    (_nihongo, "nihongo, nihongo2, nihongo3, 일본어, 일본어 표기, 니혼고"),
    (
        _last,
        "transl, transliteration, 로마자, color, colour, 색, 색깔, 글자색, 글자 색, font color, 배경색, legend, 범례",
    ),
    (_ruby, "ruby, ruby-ja, 루비, 후리가나, furigana"),
    (
        _link,
        "ill, interlanguage link, link-interwiki, illm, 임시 링크, 임시링크, 다국어 링크, 언어간 링크, 인터위키, "
        "내부 링크",
    ),
    (
        _first,
        "nowrap, nobr, nbr, 줄바꿈 금지, 줄바꿈금지, 줄바꿈 없음, 개행 금지, 개행금지, small, smaller, big, "
        "larger, large, 작게, 크게, 작은 글씨, 작은글씨, 큰 글씨, 큰글씨, 굵게, 굵은 글씨, bold, strong, 기울임, "
        "italic, em, 밑줄, underline, 취소선, strike, center, 가운데, 가운데 정렬, right, left, sup, sub, "
        "위첨자, 아래첨자, smallsup, abbr, abbrlink, 약어, tooltip, 툴팁, hover, code, 코드, mono, tt, kbd, var, "
        "samp, math, mvar, 수식, 변수, bigmath, not a typo, proper name, sic, 원문 그대로, citation needed span, "
        "출처 필요 범위, 출처필요 범위, 확인 필요 범위, 보이기, 표준화, 표준어, 옛한글, 옛 한글, 첫가끝, 한글, "
        "한자, 한국어, 수, 숫자, nts, number, nombre de, 양력, 음력, 연도, flag, flagu, flagcountry, 국기, "
        "국기나라, 나라, 국가, plainlist, flatlist, 글머리 없는 목록, 중복 제거, script, unicode, 유니코드, "
        "특수문자, 글꼴, smallcaps, sc, aut, char, 글자, q, gloss, uline, wikt, 위키낱말, visible anchor, "
        "vanchor, 앵커 텍스트",
    ),
    (
        _quote,
        "quote, cquote, quotation, blockquote, 인용문, 인용문2, 인용구, 인용, 큰인용, 큰 인용, rquote, "
        "quote box, 인용 상자, 인용상자, poemquote, 시, poem, bq, verse, 가사",
    ),
    (
        _date,
        "날짜, date, 시작 날짜, 시작날짜, start date, end date, 종료 날짜, 종료날짜, 출생일, 사망일, birth date, "
        "death date, 날짜 서식, dts, 출생일과 나이, birth date and age, start date and age, date-, 개봉일, "
        "film date",
    ),
    (_quantity, "convert, cvt, 변환, 단위 변환, 단위변환, val, unité, unit, 단위, nombre"),
    (_fraction, "frac, fraction, sfrac, 분수"),
    (_joined(""), "chem, chem2, 화학식, linktext, 링크 글자"),
    (_joined("+"), "key, keypress, 키, 단축키, key press"),
    (_joined(", "), "hlist, 가로 목록, 가로목록, cslist"),
    (_joined("\n"), "ubl, unbulleted list, 목록, bulleted list, blist"),
    (_as_of, "as of"),
    (_constant("|"), "!, pipe"),
    (_constant("||"), "!!"),
    (_constant("="), "="),
    (_constant("'"), "', apostrophe, `"),
    (_constant("'s"), "'s"),
    (_constant('"'), "'\", \"'"),
    (_constant(" "), "nbsp, space, 공백, sp, spaces, 빈칸, 띄어쓰기"),
    (_constant("·"), "·, 가운뎃점, 가운데점, middot, dot, •, bull, bullet"),
    (_constant("—"), "mdash, —, emdash, em dash"),
    (_constant("–"), "ndash, –, endash, en dash, dash"),
    (_constant(" – "), "snd, spnd, spaced ndash, spaced en dash"),
    (_constant("…"), "ellipsis, ..., …, 줄임표"),
    (_constant("×"), "times, ×"),
    (_constant("₩"), "won, ₩, 원화"),
    (_constant("\n"), "br, clear, -, 줄바꿈, 새 줄"),
]
TEMPLATES: dict[str, _Rule] = {name: rule for rule, names in _NAMES for name in names.split(", ")}
TEMPLATES[","] = _constant(" · ")
