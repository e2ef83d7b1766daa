"""The page in a real browser: it says what the graph says, points out what belongs together, and asks nobody."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from marked import sentence

from malmoi.errors import OptionError
from malmoi.graph.graph import Graph, merge
from malmoi.graph.options import GraphOptions, PageOptions
from malmoi.graph.page import to_html


def test_every_name_relation_and_sentence_is_there(graph: Graph) -> None:
    page = to_html(graph, PageOptions(title="<출장> & 더", language="en"))
    assert "&lt;출장&gt; &amp; 더" in page and "<출장>" not in page
    assert page.count('<tr data-edge="') == 2 and page.count("<li id=") == 3
    assert "4 entities and 2 relations, found in 3 sentences." in page
    assert not re.search(r"https?://", page), "nothing may come from outside"
    HTMLParser().feed(page)


def test_of_a_large_graph_the_most_related_are_drawn() -> None:
    lines = [sentence(f"<가온:OG>의 <사람{i}:PS>", (1, 0, "소속", 0.9)) for i in range(30)]
    page = to_html(merge(lines), PageOptions(max_drawn=10))
    assert page.count('<g class="node') == 10 and page.count('<tr data-edge="') == 30
    assert "10개만 그렸다" in page


def test_without_relations_the_page_says_so() -> None:
    page = to_html(merge([sentence("<부산:LC>")]))
    assert "관계를 찾지 못했다" in page and "<svg" not in page and "부산" in page


def test_options_that_cannot_work() -> None:
    with pytest.raises(OptionError, match="threshold is 50"):
        GraphOptions(threshold=50)
    with pytest.raises(OptionError, match="max_drawn"):
        PageOptions(max_drawn=1)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_page_in_a_browser(graph: Graph, scheme: str, width: int, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    (tmp_path / "g.html").write_text(to_html(graph), encoding="utf-8")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}).new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto((tmp_path / "g.html").as_uri())
        assert page.get_attribute("html", "data-theme") == scheme
        assert page.locator("#detail").is_hidden()
        # A name, by mouse: what it is related to is shown, the rest fades.
        page.hover('.node[aria-label="파리"]')
        assert "방문 → 파리 90%" in page.inner_text("#detail")
        assert page.locator(".node.on").count() == 2 and page.locator(".edge.on").count() == 1
        # And by keyboard; it is held until Escape.
        page.focus('.node[aria-label="이슬 & b"]')
        page.keyboard.press("Enter")
        page.mouse.move(1, 1)
        assert page.locator("#detail li").count() == 2 and "좋다고" in page.inner_text("#detail")
        page.keyboard.press("Escape")
        assert page.locator("#detail").is_hidden()
        page.click("#theme")
        assert page.get_attribute("html", "data-theme") != scheme
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        # Names keep inside their boxes.
        assert page.evaluate(
            "[...document.querySelectorAll('.node')].every((n) => "
            "n.querySelector('text').getBBox().width < n.querySelector('rect').getBBox().width)"
        )
        browser.close()
    assert not faults
