import time

import pytest

from malmoi.corpus.document import clean_text
from malmoi.corpus.markup import clean_wikiextractor


@pytest.mark.parametrize(
    ("line", "clean"),
    [
        ("국수와 떡&amp;고물", "국수와 떡&고물"),
        ("강을 건너&amp;lt;br&amp;gt;산을 넘어", "강을 건너\n산을 넘어"),
        ("단편 &lt;가을 편지&gt;를 썼다.", "단편 <가을 편지>를 썼다."),  # the title of a work, no tag
        ("첫 줄&lt;br /&gt;둘째 줄&lt;/br&gt;", "첫 줄\n둘째 줄"),
        ("물은 H&lt;sub&gt;2&lt;/sub&gt;O이다.", "물은 H2O이다."),
        ('뜻이 같다.&lt;ref name="책"&gt;어느 책, 3쪽&lt;/ref&gt; 끝.', "뜻이 같다. 끝."),
        ('&lt;templatestyles src="Module:a.css" /&gt;본문', "본문"),
        ("if a&lt;b and c&gt;d: pass", "if a<b and c>d: pass"),
        ("&lt;!-- 고칠 것 --&gt;본문", "본문"),
        ("주전자(, 1899년 3월 1일 ~ )는", "주전자(1899년 3월 1일 ~ )는"),
        ("호수()와 강(, )과 바다(, , )", "호수와 강과 바다"),
        ("호수 ()는 넓다", "호수는 넓다"),
        ("국민학교(國民學校, , 약칭 국교)", "국민학교(國民學校, 약칭 국교)"),
        ("벡터 공간(vector空間, , )", "벡터 공간(vector空間)"),
        ("바다(, (海), 넓은 물)", "바다((海), 넓은 물)"),
        ("함수 print()를 부른다", "함수 print()를 부른다"),
        ("[[서울특별시|서울]]의 [[한강]]", "서울의 한강"),
        ("[[파일:그림.jpg|섬네일|[[한강]]의 [[다리 (건축)|다리]]]]본문", "본문"),
        ("[[분류:다리]]", ""),
        ("[https://example.org/a?b=1 공식 누리집]을 보라", "공식 누리집을 보라"),
        ('! colspan="9" bgcolor="#B0D3FB" align="left" |', ""),
        ("!회차!!날짜!!비고", ""),
        ("| 하나 || 둘", ""),
        ("formula_12, formula_3.", ""),
        ("원의 넓이는 formula_1이다.", "원의 넓이는 formula_1이다."),
        ("놀랍다! 정말 | 그렇다", "놀랍다! 정말 | 그렇다"),
    ],
)
def test_left_overs(line: str, clean: str) -> None:
    assert clean_text(clean_wikiextractor(line, "제목")) == clean


def test_the_title_is_dropped_once_from_the_first_line_only() -> None:
    assert clean_wikiextractor("떡 &amp; 차\n\n떡 & 차\n본문", "떡 & 차").split() == ["떡", "&", "차", "본문"]
    assert clean_wikiextractor("본문\n떡", "떡") == "본문\n떡"


@pytest.mark.parametrize("text", ["<ref>" * 4000, "[https://" + "a" * 50_000, "(" * 50_000, "[[" * 30_000])
def test_broken_markup_does_not_take_quadratic_time(text: str) -> None:
    start = time.process_time()
    clean_wikiextractor(text, "")
    assert time.process_time() - start < 5
