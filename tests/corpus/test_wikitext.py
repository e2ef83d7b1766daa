"""Wikitext to prose: a table of cases, hostile pages against the clock, and real pages against another parser."""

import contextlib
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.corpus.brackets import PageTooComplexError
from malmoi.corpus.document import clean_text
from malmoi.corpus.dump import iter_pages
from malmoi.corpus.wikitext import clean_wikitext


def _clean(wikitext: str, title: str = "벼루", *, headings: bool = False) -> str:
    return clean_text(clean_wikitext(wikitext, title, headings=headings))


CASES = {
    "links": [
        ("먹은 [[벼루]]에 간다.", "먹은 벼루에 간다."),
        ("[[벼루]]마다 물을 붓는다.", "벼루마다 물을 붓는다."),
        ("[[벼루 (문방구)|벼루]]에 간다.", "벼루에 간다."),
        ("[[벼루 (문방구)|]]에 간다.", "벼루에 간다."),
        ("[[벼루#역사|옛 벼루]]다.", "옛 벼루다."),
        ("[[#역사|역사]] 절을 보라.", "역사 절을 보라."),
        ("[[#역사]] 절을 보라.", "역사 절을 보라."),
        ("[[:분류:문방구]]를 보라.", "분류:문방구를 보라."),
        ("[[:파일:벼루.jpg|사진]]을 보라.", "사진을 보라."),
        ("[[:en:Inkstone|잉크스톤]]이라 한다.", "잉크스톤이라 한다."),
        ("[[:en:Inkstone]]이라 한다.", "Inkstone이라 한다."),
        ("[[/하위 문서/]]다.", "하위 문서다."),
        ("[[wikt:먹|먹]]을 간다.", "먹을 간다."),
        ("[[wikt:먹]]을 간다.", "먹을 간다."),
        ("[[위키낱말사전:먹|낱말 먹]]을 간다.", "낱말 먹을 간다."),
        ("[[반지의 제왕: 두 개의 탑]]을 읽었다.", "반지의 제왕: 두 개의 탑을 읽었다."),
        ("'''[[벼루]]'''와 ''[[먹]]''", "벼루와 먹"),
        ("[[벼루|'''까만''' 벼루]]", "까만 벼루"),
        ("[[벼루|a|b]]", "a|b"),
        ("[[]]빈 고리", "빈 고리"),
        ("[ [벼루] ]", "[ [벼루] ]"),
        ("[[[벼루]]]", "[벼루]"),
        ("대괄호 [1]은 그대로다.", "대괄호 [1]은 그대로다."),
    ],
    "files and categories": [
        ("[[파일:벼루.jpg|섬네일|까만 벼루]]먹을 간다.", "먹을 간다."),
        ("[[그림:벼루.jpg]]먹을 간다.", "먹을 간다."),
        ("[[File:Ink.jpg|thumb|200px|잉크]]먹을 간다.", "먹을 간다."),
        ("[[ image : Ink.jpg ]]먹을 간다.", "먹을 간다."),
        ("[[파일:벼루.jpg|섬네일|[[단계 (지명)|단계]]의 [[벼루]], {{lang|zh|端硯}}]]먹을 간다.", "먹을 간다."),
        ("[[파일:a.jpg|섬네일|설명 [http://example.org 글]]]먹을 간다.", "먹을 간다."),
        ("[[파일:a.jpg|섬네일|첫 줄\n둘째 줄]]먹을 간다.", "먹을 간다."),
        ("먹을 간다.\n[[분류:문방구]]\n[[분류:돌|벼루]]", "먹을 간다."),
        ("먹을 간다. [[Category:Ink]]", "먹을 간다."),
        ("먹을 간다.\n[[en:Inkstone]]\n[[zh-yue:硯]]", "먹을 간다."),
        ("먹을 간다.\n<gallery>\n파일:a.jpg|하나\n파일:b.jpg|둘\n</gallery>\n끝.", "먹을 간다.\n끝."),
        ('<gallery mode="packed">a.jpg|[[하나]]</gallery>먹을 간다.', "먹을 간다."),
        ("<imagemap>\n파일:a.jpg\nrect 0 0 9 9 [[벼루]]\n</imagemap>\n먹을 간다.", "먹을 간다."),
        ("[[파일:벼루.jpg|섬네일|닫지 않은 설명\n먹을 간다.", "먹을 간다."),
        ("[[미디어:소리.ogg|소리]]먹을 간다.", "먹을 간다."),
    ],
    "outer links": [
        ("[http://example.org/a?b=c 누리집]을 보라.", "누리집을 보라."),
        ("[https://example.org]을 보라.", "을 보라."),
        ("[//example.org 누리집]을 보라.", "누리집을 보라."),
        ("[mailto:a@example.org 편지]를 쓰라.", "편지를 쓰라."),
        ("[http://example.org ''누리집''의 [[벼루]]]를 보라.", "누리집의 벼루를 보라."),
        ("[HTTP://EXAMPLE.ORG 누리집]을 보라.", "누리집을 보라."),
    ],
    "bold and italic": [
        ("'''벼루'''는 ''돌''로 만든다.", "벼루는 돌로 만든다."),
        ("'''''벼루'''''다.", "벼루다."),
        ("''''벼루'''다.", "'벼루다."),
        ("''''''벼루''''''", "'벼루'"),
        ("'벼루'라는 말", "'벼루'라는 말"),
        ("닫지 않은 '''벼루", "닫지 않은 벼루"),
    ],
    "templates": [
        ("{{토막글}}먹을 간다.", "먹을 간다."),
        (
            "{{정보 상자\n| 이름 = [[벼루]]\n| 그림 = [[파일:a.jpg]]\n| 무게 = {{변환|2|kg}}\n}}\n먹을 간다.",
            "먹을 간다.",
        ),
        ("가{{나|{{다|{{라}}}}|{{마}}}}바", "가바"),
        ("{{본문|벼루의 역사}}\n먹을 간다.", "먹을 간다."),
        ("먹을 간다.{{출처 필요|날짜=2020-01-01}} 벼루에.", "먹을 간다. 벼루에."),
        ("먹을 간다.{{각주|이름=가}}", "먹을 간다."),
        ("먹을 간다.{{주|[[벼루]]에 간다}}", "먹을 간다."),
        ("{{{이름|벼루}}}에 간다.", "벼루에 간다."),
        ("{{{이름}}}벼루에 간다.", "벼루에 간다."),
        ("{{틀|{{{1}}}}}벼루에 간다.", "벼루에 간다."),
        ("{{nowrap|{{{1|벼루}}}}}에 간다.", "벼루에 간다."),
        ("{{틀:토막글}}먹을 간다.", "먹을 간다."),
        ("{{Template:Nowrap|먹을 간다.}}", "먹을 간다."),
        ("{{틀:줄바꿈 금지|먹을 간다.}}", "먹을 간다."),
        ("{{서적 인용|성=김|제목=벼루|연도=1999}}먹을 간다.", "먹을 간다."),
        ("{{#if:{{{1|}}}|그렇다|아니다}}먹을 간다.", "먹을 간다."),
        ("{{#switch:가|가=하나|나=둘}}먹을 간다.", "먹을 간다."),
        ("{{#invoke:모듈|함수|인자}}먹을 간다.", "먹을 간다."),
        ("{{DEFAULTSORT:벼루}}먹을 간다.", "먹을 간다."),
        ("{{기본정렬:벼루}}먹을 간다.", "먹을 간다."),
        ("'''{{PAGENAME}}'''는 돌이다.", "벼루는 돌이다."),
        ("{{lc:ABC}} {{uc:abc}} {{ucfirst:abc}}", "abc ABC Abc"),
        ("인구는 {{formatnum:1234567}}명이다.", "인구는 1,234,567명이다."),
        ("{{틀\n|가=1\n|}}먹을 간다.", "먹을 간다."),
        ("{{ 줄바꿈 금지 |먹을 간다.}}", "먹을 간다."),
        ("{{줄바꿈_금지|먹을 간다.}}", "먹을 간다."),
    ],
    "templates whose argument is the text": [
        ("'''베를린'''({{llang|de|Berlin}})은 도시다.", "베를린(Berlin)은 도시다."),
        ("{{위치 지도|1859}}, 먹을 갈았다.\n{{책 인용}}.\n... 그리고 쉬었다.", "먹을 갈았다.\n... 그리고 쉬었다."),
        ("벼루({{lang|zh|硯}})는 돌이다.", "벼루(硯)는 돌이다."),
        ("벼루({{lang-en|inkstone}})는 돌이다.", "벼루(inkstone)는 돌이다."),
        ("{{lang|en|[[잉크]]와 ''{{nowrap|inkstone}}''}}", "잉크와 inkstone"),
        ("{{lang|fr|1=x|2=pierre à encre}}", "pierre à encre"),
        ("{{nihongo|벼루|硯|스즈리}}는 돌이다.", "벼루(硯, 스즈리)는 돌이다."),
        ("{{Nihongo|벼루|硯}}는 돌이다.", "벼루(硯)는 돌이다."),
        ("{{zh|t=端硯|s=端砚|p=Duānyàn}}", "端硯"),
        ("{{ruby|硯|연}}을 쓴다.", "硯(연)을 쓴다."),
        ("{{날짜|2021|3|5}}에 샀다.", "2021년 3월 5일에 샀다."),
        ("{{날짜|2021-03-05}}에 샀다.", "2021년 3월 5일에 샀다."),
        ("{{시작 날짜|2021|3}}에 샀다.", "2021년 3월에 샀다."),
        ("{{출생일과 나이|1950|6|7}}", "1950년 6월 7일"),
        ("{{수|1234}}개", "1234개"),
        ("무게는 {{변환|2|kg|lb}}이다.", "무게는 2 kg이다."),
        ("무게는 {{convert|2|to|5|kg|lb}}이다.", "무게는 2~5 kg이다."),
        ("넓이는 {{convert|12|km2}}다.", "넓이는 12 km²다."),
        ("{{val|299792458|u=m}}", "299,792,458 m"),
        ("{{분수|1|2}}과 {{frac|3|1|2}}", "1/2과 3 1/2"),
        ("{{작게|작은}} {{굵게|굵은}} {{밑줄|줄}}", "작은 굵은 줄"),
        ("{{색|red|붉은}} 먹", "붉은 먹"),
        ("{{툴팁|벼루|먹을 가는 돌}}", "벼루"),
        ("{{임시링크|단계연|zh|端硯}}은 좋다.", "단계연은 좋다."),
        ("{{ill|단계연|zh|端硯|lt=단계 벼루}}는 좋다.", "단계 벼루는 좋다."),
        ("* {{범례|#FF0000|[[붉은 먹]] (3개)}}", "붉은 먹 (3개)"),
        ("{{국기나라|독일}}의 벼루", "독일의 벼루"),
        ("{{인용문|먹은 천천히 갈아야 한다.|김 씨}}", "먹은 천천히 갈아야 한다."),
        ("그는 말했다.{{인용문2|내용=먹은 천천히 간다.}}", "그는 말했다.\n먹은 천천히 간다."),
        ("{{시|첫째 행\n둘째 행}}", "첫째 행\n둘째 행"),
        ("H{{아래첨자|2}}O, {{chem|C|O|2}}", "H2O, CO2"),
        ("{{보이기|먹}}과 {{표준화|벼루}}", "먹과 벼루"),
        ("가{{·}}나{{!}}다{{=}}라{{'}}", "가·나|다=라'"),
        ("먹{{snd}}벼루{{mdash}}붓{{nbsp}}종이", "먹 – 벼루—붓 종이"),
        ("{{hlist|먹|벼루|붓}}", "먹, 벼루, 붓"),
        ("{{출처 필요 범위|먹은 좋다.|날짜=2020}}", "먹은 좋다."),
        ("{{nowrap|[[벼루|먹=벼루|둘]]}}", "먹=벼루|둘"),
        ("{{lang|ko}}말", "ko말"),
    ],
    "tables": [
        ('앞.\n{| class="wikitable"\n! 가 !! 나\n|-\n| 1 || [[둘]]\n|}\n뒤.', "앞.\n뒤."),
        ("앞.\n{|\n| {|\n| 안\n|}\n|}\n뒤.", "앞.\n뒤."),
        ("앞.\n{|\n|\n{|\n| 안\n|}\n|}\n뒤.", "앞.\n뒤."),
        ("앞.\n:{|\n| 안\n|}\n뒤.", "앞.\n뒤."),
        ("{|\n| 첫 줄\n|}\n뒤.", "뒤."),
        ("앞.\n{|\n| {{틀|가\n|나}}\n|}\n뒤.", "앞.\n뒤."),
        ("{{틀|\n{|\n| 안\n|}}}\n뒤.", "뒤."),
        ("{{틀|\n{|\n| 안\n|}\n}}\n뒤.", "뒤."),
        ("앞.<table><tr><td>안</td></tr></table>뒤.", "앞.\n뒤."),
        ("앞.\n<TABLE border=1>\n<tr><td><table><tr><td>안</td></tr></table></td></tr>\n</TABLE>\n뒤.", "앞.\n뒤."),
        ("앞.\n{{표 시작}}\n|-\n| 가 || 나\n! 다 !! 라\n|}\n뒤.", "앞.\n뒤."),
        ("앞.\n{|\n| 닫지 않은 표\n|-\n| 가\n== 절 ==\n뒤.", "앞.\n뒤."),
        ("집합 {가|나}와 |x|는 그대로다.", "집합 {가|나}와 |x|는 그대로다."),
    ],
    "references and comments": [
        ("먹을 간다.<ref>김, 《벼루》, 3쪽.</ref> 벼루에.", "먹을 간다. 벼루에."),
        ('먹을 간다.<ref name="김" /> 벼루에.', "먹을 간다. 벼루에."),
        ("먹을 간다.<ref name=김/> 벼루에.", "먹을 간다. 벼루에."),
        ('먹을 간다.<ref name="a>b">{{서적 인용|제목=}}</ref> 벼루에.', "먹을 간다. 벼루에."),
        ('먹을 간다.<ref name="a>b" /> 벼루에.<ref>끝</ref>', "먹을 간다. 벼루에."),
        ("먹을 간다.<REF>김\n둘째 줄</REF > 벼루에.", "먹을 간다. 벼루에."),
        ("먹을 간다.<ref>{{닫지 않은 틀|</ref> 벼루에.", "먹을 간다. 벼루에."),
        ("먹을 간다.<ref>[[닫지 않은 고리</ref> 벼루에.", "먹을 간다. 벼루에."),
        ("먹을 간다.<ref>닫지 않음\n\n다음 문단.<ref>각주</ref>", "먹을 간다.\n다음 문단."),
        ("먹을 간다.<ref>끝까지 닫지 않음\n다음 문단.", "먹을 간다.\n다음 문단."),
        ('먹을 간다.\n<references>\n<ref name="가">김</ref>\n</references>', "먹을 간다."),
        ("먹을 간다.\n<references />", "먹을 간다."),
        ("먹을 간다.</ref> 벼루에.", "먹을 간다. 벼루에."),
        ("먹을 <!-- 여기는\n[[숨은]] {{글 -->간다.", "먹을 간다."),
        ("먹을 <!-- 닫지 않은 설명\n다음 문단.", "먹을\n다음 문단."),
        ("{{<!-- 설명 -->토막글}}먹을 간다.", "먹을 간다."),
    ],
    "elements": [
        ("<nowiki>[[고리]]와 {{틀}}</nowiki>을 쓴다.", "[[고리]]와 {{틀}}을 쓴다."),
        ("{{nowrap|<nowiki>a|b=c</nowiki>}}", "a|b=c"),
        ("<nowiki>''따옴표''</nowiki>와 <nowiki/>끝", "''따옴표''와 끝"),
        ("<nowiki>* 별</nowiki>", "* 별"),
        ("<nowiki>&amp;nbsp;</nowiki>", "&nbsp;"),
        ("앞.<pre>\n[[고리]]\n</pre>뒤.", "앞.뒤."),
        ("<math>E = mc^2</math>이다.", "이다."),
        ("자연수 <math>n</math>과 <math> 2 </math>에 대하여", "자연수 n과 2에 대하여"),
        ("앞 <math>\\frac{{1}}{{2}}</math> 뒤", "앞 뒤"),
        ("<chem>H2O</chem>물은 맑다.", "물은 맑다."),
        ("<timeline>\nImageSize = width:1\n</timeline>\n먹을 간다.", "먹을 간다."),
        ('<syntaxhighlight lang="c">int x;</syntaxhighlight>먹을 간다.', "먹을 간다."),
        ("<source lang=c>int x;</source>먹을 간다.", "먹을 간다."),
        ("<code>printf</code> 함수는", "printf 함수는"),
        ("<score>c d e</score>먹을 간다.", "먹을 간다."),
        ("H<sub>2</sub>O와 m<sup>2</sup>", "H2O와 m2"),
        ("<span style='color:red'>붉은</span> <b>먹</b>과 <small>작은</small> 벼루", "붉은 먹과 작은 벼루"),
        ("첫째<br>둘째<br/>셋째<br />넷째", "첫째\n둘째\n셋째\n넷째"),
        ("<div align=center>먹을 간다.</div>", "먹을 간다."),
        ("<blockquote>먹을 간다.</blockquote>", "먹을 간다."),
        ("<poem>\n첫째 행\n둘째 행\n</poem>", "첫째 행\n둘째 행"),
        ("<ruby>硯<rp>(</rp><rt>연</rt><rp>)</rp></ruby>", "硯(연)"),
        ("<onlyinclude>먹을</onlyinclude> 간다.<includeonly>숨음</includeonly>", "먹을 간다."),
        ("<section begin=가 />먹을 간다.<section end=가 />", "먹을 간다."),
        ("《<봄의 노래>》와 <먹>은 그대로다.", "《<봄의 노래>》와 <먹>은 그대로다."),
        ("3 < 5, a<b이고 7 > 2다.", "3 < 5, a<b이고 7 > 2다."),
        ("<ref name=닫히지 않는 꺾쇠\n먹을 간다.", "먹을 간다."),
    ],
    "headings and lists": [
        ("== 역사 ==\n먹을 간다.", "먹을 간다."),
        ("=== 역사 === \n먹을 간다.\n==빈 절==", "먹을 간다."),
        ("== 역사 == <!-- 설명 -->\n먹을 간다.", "먹을 간다."),
        ("* 먹\n** [[벼루]]\n# 붓\n#* 종이", "먹\n벼루\n붓\n종이"),
        ("; 먹 : 검다.\n: 들여 쓴 글", "먹 : 검다.\n들여 쓴 글"),
        (":::: 깊이 들여 쓴 글", "깊이 들여 쓴 글"),
        ("* {{토막글}}\n* \n*먹", "먹"),
        ("앞.\n----\n뒤.", "앞.\n뒤."),
        (" 앞에 빈칸이 있는 글", "앞에 빈칸이 있는 글"),
        ("== 같이 보기 ==\n* [[먹]]\n* [[붓]]\n== 쓰임 ==\n먹을 간다.", "먹을 간다."),
        ("== 외부 링크 ==\n* [http://example.org 누리집]\n이 절의 문단은 남는다.", "이 절의 문단은 남는다."),
        ("== 각주 ==\n=== 내용주 ===\n* 하나\n== 쓰임 ==\n* 둘", "둘"),
        ("a = b = c", "a = b = c"),
    ],
    "magic words and entities": [
        ("__목차숨김__먹을 간다.__NOTOC__", "먹을 간다."),
        ("__init__ 함수", "__init__ 함수"),
        ("먹&nbsp;&amp;&nbsp;벼루 &lt;끝&gt; &#44032;", "먹 & 벼루 <끝> 가"),
        ("&lt;ref&gt;는 글이다.", "<ref>는 글이다."),
        ("&unknown; & &; AT&T", "&unknown; & &; AT&T"),
    ],
    "redirects": [
        ("#넘겨주기 [[벼루]]", ""),
        ("#REDIRECT [[벼루]]", ""),
        ("  #redirect: [[벼루]]\n[[분류:돌]]", ""),
        ("# 넘겨주기라는 말", "넘겨주기라는 말"),
    ],
    "gaps": [
        ("벼루({{소리|a.ogg}}, {{IPA|a}})는 돌이다.", "벼루는 돌이다."),
        ("벼루 ({{llang|en|inkstone}}, {{IPA|a}})는 돌이다.", "벼루 (inkstone)는 돌이다."),
        ("벼루({{IPA|a}} {{llang|en|inkstone}} )는", "벼루(inkstone)는"),
        ("벼루({{lang|zh|硯}}, {{소리|a}}, 1924년)는", "벼루(硯, 1924년)는"),
        ("벼루 {{틀}}, 먹 {{틀}}.", "벼루, 먹."),
        ("벼루(: 연)는", "벼루(연)는"),
        ("그는 ... 말했다 .", "그는 ... 말했다."),
        ("`main()` 함수와 (1999 ~ )", "`main()` 함수와 (1999 ~)"),
    ],
    "broken": [
        ("앞 {{닫지 않은 틀|가 나\n다음 문단.", "앞\n다음 문단."),
        ("앞 {{닫지 않은 틀|\n== 절 ==\n다음 {{토막글}}문단. }}끝", "앞\n다음 문단. 끝"),
        ("앞 }} 뒤 ]] 끝", "앞 뒤 끝"),
        ("앞 [[닫지 않은 고리\n[[벼루]] 뒤", "앞 닫지 않은 고리\n벼루 뒤"),
        ("[[앞|{{뒤]] 다음}} 끝", "앞 다음 끝"),
        ("{{줄바꿈 금지|앞 [[뒤}} 끝", "앞 뒤 끝"),
        ("{{앞|[[뒤}} 다음]] 끝", "다음 끝"),
        ("[[가\n\n나]] 다", "가\n나 다"),
        ("{ 하나 } 둘 { 셋 }", "{ 하나 } 둘 { 셋 }"),
        ("{{{{{{", ""),
        ("}}}}}}", ""),
        ("|}", ""),
        ("", ""),
        ("\n\n \n", ""),
        ("\ue000\ue020글\ue021", "글"),
    ],
}
TABLE = [(wikitext, text) for cases in CASES.values() for wikitext, text in cases]


def test_the_table_is_large_enough() -> None:
    assert len(TABLE) == len({wikitext for wikitext, _ in TABLE}) >= 120


@pytest.mark.parametrize(("wikitext", "text"), TABLE)
def test_case(wikitext: str, text: str) -> None:
    assert _clean(wikitext) == text


def test_headings_are_kept_where_text_follows() -> None:
    page = "머리말.\n== 역사 ==\n=== 옛날 ===\n먹을 갈았다.\n=== 요즘 ===\n"
    page += "== 각주 ==\n{{각주}}\n== [[쓰임]] ==\n붓글씨다."
    assert _clean(page) == "머리말.\n먹을 갈았다.\n붓글씨다."
    expected = "머리말.\n## 역사\n### 옛날\n먹을 갈았다.\n## 쓰임\n붓글씨다."
    assert _clean(page, headings=True) == expected


HOSTILE = {
    "open braces": "{{" * 100_000,
    "closed braces": "}}" * 100_000,
    "nested templates": "{{a|" * 100_000 + "}}" * 100_000,
    "nested parameters": "{{{a|" * 60_000 + "}}}" * 60_000,
    "one run of braces": "{" * 200_000 + "}" * 200_000,
    "open links": "[[" * 100_000,
    "nested links": "[[a|" * 100_000 + "]]" * 100_000,
    "open tables": "\n{|" * 100_000,
    "nested tables": "\n{|\n|" * 60_000 + "\n|}" * 60_000,
    "html tables": "<table>" * 60_000 + "</table>" * 60_000,
    "links against braces": "[[{{" * 60_000 + "]]}}" * 60_000,
    "braces in a table": "[[\n{|" + "{{" * 60_000 + "]]" * 60_000,
    "open comments": "<!--" * 100_000,
    "open references": "<ref>" * 60_000,
    "references, one closed": "<ref>" * 60_000 + "</ref>",
    "references that close themselves": "<ref><ref/>" * 40_000 + "</ref>",
    "a tag without an end": "<ref " * 100_000,
    "quotes in a tag": '<ref "' * 100_000,
    "attributes without an end": "<ref " + 'a="b" ' * 100_000,
    "nowiki": "<nowiki>" * 60_000,
    "outer links": "[http://a " * 60_000,
    "outer link, one word": "[http://" + "a" * 300_000,
    "apostrophes": "'" * 300_000,
    "apostrophes, spaced": "'' " * 100_000,
    "equals signs": "=" * 300_000,
    "headings": "== a\n" * 60_000,
    "underscores": "__" * 100_000,
    "blanks": " " * 300_000 + "\n" + "\n " * 100_000,
    "brackets": "(" * 100_000 + ")" * 100_000,
    "brackets with commas": "( , " * 60_000,
    "commas in a bracket": "(" + ", " * 100_000 + "가)",
    "less than": "<" * 300_000,
    "entities": "&" * 300_000 + "&#" * 60_000 + "&amp;" * 60_000,
    "bars": "\n|" * 100_000,
    "a template of many arguments": "{{lang|" + "|" * 300_000 + "}}",
    "digits": "{{formatnum:" + "9" * 300_000 + "}}",
    "dates": "{{날짜|" + "9" * 5_000 + "|1|1}}",
    "list signs": "*" * 300_000,
    "everything": "{{[[<ref>\n{|''=(&<!--" * 15_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_takes_seconds_at_most(name: str) -> None:
    page = HOSTILE[name] + "\n\n끝 문단."
    start = time.process_time()
    assert "끝 문단." in _clean(page)
    assert time.process_time() - start < 3


def test_known_templates_nested_without_end_are_given_up_by_count_not_by_clock() -> None:
    page = "{{lang|ko|글" * 30_000 + "}}" * 30_000
    start = time.process_time()
    with pytest.raises(PageTooComplexError):
        clean_wikitext(page)
    assert time.process_time() - start < 3
    assert _clean("{{lang|ko|글" * 40 + "}}" * 40) == "글" * 40


SIGNS = """{{ }} {{{ [[ ]] <ref> </ref> <ref/> <!-- --> <nowiki> </nowiki> <table> </table> <br> '' ''' == __ &amp; &#4;
파일: 분류: lang| 날짜| 변환| #if: 가 글이다. ( ) , 1 en: { } [ ] | = * # : ; ' < > ! - _ & / \x00 \ue020"""
MARKUP = st.sampled_from([*SIGNS.split(), " ", "\n", "\n{|", "\n|}", "\n|-", "\n== ", "[http://a ", ", "])


@given(st.lists(st.one_of(MARKUP, st.text(max_size=3)), max_size=60).map("".join), st.booleans())
@settings(max_examples=400, deadline=None)
def test_any_text_gives_clean_lines(wikitext: str, headings: bool) -> None:
    text = _clean(wikitext, headings=headings)
    assert text == clean_text(text)
    assert not re.search("[\ue000-\ue0ff]", text)


@given(st.lists(MARKUP, min_size=1, max_size=8).map("".join))
@settings(max_examples=60, deadline=None)
def test_any_markup_repeated_takes_linear_time(wikitext: str) -> None:
    page = wikitext * (100_000 // len(wikitext))
    start = time.process_time()
    with contextlib.suppress(PageTooComplexError):
        _clean(page)
    assert time.process_time() - start < 3


@given(st.lists(st.text("가나다 .,", min_size=1, max_size=30), min_size=1, max_size=6))
def test_prose_without_markup_stays(lines: list[str]) -> None:
    lines = [re.sub(r"[ .,]*$", ".", re.sub(r" +(?=[.,])|  +", "", line.lstrip(" .,"))) for line in lines]
    lines = [line if line != "." else "가." for line in lines]
    assert _clean("\n\n".join(lines)) == "\n".join(lines)


def _pages(data_dir: Path) -> dict[str, str]:
    folder = data_dir / "wikitext"
    pages = {
        f"{path.name}: {page.title}": page.wikitext
        for path in sorted(folder.glob("*.bz2"))
        for page in iter_pages(path, Counter())
    }
    return pages | {"ko": (folder / "ko_transformer_excerpt.wikitext").read_text(encoding="utf-8")}


@pytest.mark.data
def test_no_markup_is_left_in_real_pages(data_dir: Path) -> None:
    left = re.compile(
        r"\{\{|\}\}|\{\||\|\}|\[\[|\]\]|</?ref|''|__[A-Z]+__|(?:파일|그림|분류|File|Category):|^[|!*#:;=]", re.M
    )
    for name, wikitext in _pages(data_dir).items():
        assert not left.search(_clean(wikitext)), name


def _plain_pieces(wikitext: str) -> list[str]:
    """What another parser finds between all markup: sentences or parts of them, four words and more."""
    mwparserfromhell = pytest.importorskip("mwparserfromhell")
    pieces = []
    for node in mwparserfromhell.parse(wikitext).filter_text(recursive=False):
        for piece in re.split(r"\n|(?<=[.!?])\s", str(node)):
            piece = clean_text(piece.replace("&nbsp;", " ").lstrip("*#:; ")).strip(" .,)")
            if len(piece) >= 20 and len(piece.split()) >= 4 and not piece.startswith("|"):
                pieces.append(piece)
    return pieces


@pytest.mark.data
def test_the_prose_of_real_pages_is_kept(data_dir: Path) -> None:
    n_chars = n_kept = 0
    for wikitext in _pages(data_dir).values():
        text = " ".join(_clean(wikitext).split())
        for piece in _plain_pieces(wikitext):
            n_chars += len(piece)
            n_kept += len(piece) * (piece in text)
    assert n_chars > 400_000
    assert n_kept / n_chars >= 0.99, f"{n_kept / n_chars:.2%} of the prose kept"
