"""The page in a real browser: asked by hand and by keyboard, in both languages, wide and narrow, light and dark."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from service import Service

from malmoi.serving.app import PLAYGROUND

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def new_page(browser: Any, width: int, scheme: str, language: str) -> tuple[Any, list[str]]:
    """A page in a context of its own, and what goes wrong on it."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale=language)
    page, faults = context.new_page(), list[str]()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    return page, faults


@pytest.mark.parametrize(
    ("width", "scheme", "language", "ask"),
    [(1200, "light", "ko-KR", "물어보기"), (390, "dark", "en-US", "Ask")],
    ids=["wide", "phone"],
)
def test_every_view(
    browser: object, service: Service, tmp_path: Path, width: int, scheme: str, language: str, ask: str
) -> None:
    page, faults = new_page(browser, width, scheme, language)
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    page.goto(f"http://127.0.0.1:{service.port}/")
    page.wait_for_selector("#pieces .piece")
    assert page.inner_text("#run") == ask and page.get_attribute("html", "data-theme") == scheme
    assert not page.is_visible("#key-form") and not page.is_visible("#notice")
    # A classifier: bars, the tokens painted on the text, the request as code.
    page.fill("#field-text", "정말 좋았다 <b>굵게</b> 👍")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#answer .bar.best")
    assert page.locator("#answer .bar").count() == 2
    page.wait_for_function("document.querySelector('#pieces .painted').textContent.includes('굵게')")
    assert page.inner_text("#pieces .painted") == "정말 좋았다 <b>굵게</b> 👍"
    assert "curl" in page.inner_text("#code") and "정말 좋았다" in page.inner_text("#code")
    page.get_by_role("radio", name="Python").click()
    assert page.inner_text("#code").startswith("import json")
    # A model without a task, chosen with the keyboard: masks.
    page.focus('#models [aria-checked="true"]')
    page.keyboard.press("ArrowRight")
    assert page.inner_text('#models [aria-checked="true"]') == "base"
    page.click("#run")
    page.wait_for_selector("#answer .masks .bar")
    assert page.locator("#answer .masks .bar").count() == 5
    # The other language and the other theme.
    page.click("#language")
    assert page.inner_text("#run") == ("Ask" if ask == "물어보기" else "물어보기")
    page.click("#theme")
    assert page.get_attribute("html", "data-theme") != scheme
    # Nothing runs out of a narrow screen.
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.goto(f"http://127.0.0.1:{service.port}/docs")
    page.wait_for_selector("#routes h2")
    assert "POST /v1/embeddings" in page.inner_text("#routes")
    page.context.close()
    assert not faults
    assert all(url.startswith((f"http://127.0.0.1:{service.port}/", "data:")) for url in outside)


def run_view(page: object, view: str) -> None:
    """Open a view by its tab, ask, and wait for the answer."""
    page.click(f"#tab-{view}")  # type: ignore[attr-defined]
    page.click("#run")  # type: ignore[attr-defined]
    page.wait_for_selector("#timing:not(:empty)")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("width", "scheme", "language"), [(1200, "light", "ko-KR"), (390, "dark", "en-US")], ids=["wide", "phone"]
)
def test_every_view_of_a_full_service(
    browser: object, library: Service, travel_models: Path, width: int, scheme: str, language: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page, faults = new_page(browser, width, scheme, language)
    page.goto(f"http://127.0.0.1:{library.port}/#search")
    page.wait_for_selector('#tab-search[aria-selected="true"]')

    def judge(view: str) -> None:
        found = axe.Axe().run(page).response["violations"]
        assert [(view, each["id"]) for each in found if each["impact"] in ("serious", "critical")] == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), view

    # Search: documents with their reasons; the condition is kept to; a wrong one is told.
    page.fill("#query", "책을 빌리려면?")
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer .hit")
    assert "회원증" in page.inner_text("#answer .hits") and page.locator("#answer .hit .meter").count() >= 2
    assert page.locator("#answer .chip").first.inner_text().split(" +")[0] in ("책", "빌리")
    judge("search")
    page.fill("#where", "year = 1929")
    page.fill("#query", "사전 찾는 법")
    page.click("#run")
    playwright.expect(page.locator("#answer .hit")).to_have_count(1)
    assert "👍" in page.inner_text("#answer .hit") and "<b>가나다</b>" in page.inner_text("#answer .hit")
    page.fill("#where", "year =")
    page.click("#run")
    page.wait_for_selector("#notice:not([hidden])")
    assert "where is" in page.inner_text("#notice")
    page.fill("#where", "")
    # Answers: the span stands marked in its document.
    run_view(page, "answer")
    assert page.inner_text('#rerank [aria-checked="true"]') == "pair"
    if page.locator("#answer .number").count():
        assert page.inner_text("#answer mark.found") == page.inner_text("#answer .number")
    judge("answer")
    # A graph: drawn, its parts lit up by keyboard, its sentences marked.
    lines = (travel_models / "train.jsonl").read_text(encoding="utf-8").splitlines()
    page.click("#tab-graph")
    page.fill("#graph-text", "\n".join(json.loads(line)["text"] for line in lines[:3]))
    page.click("#run")
    page.wait_for_selector("#answer svg .node")
    page.focus("#answer svg .node >> nth=0")
    assert page.locator("#answer svg.busy .on").count() >= 2 and page.locator(".detail .relation").count() >= 1
    assert page.locator("#answer .sentences li").count() == 3 and page.locator("#answer .sentences mark").count() >= 6
    judge("graph")
    # Ways to cut, by keyboard from the tab before; two models side by side.
    run_view(page, "ways")
    assert page.locator("#answer .way").count() == 7 and "줍다" in page.inner_text("#answer")
    judge("ways")
    run_view(page, "compare")
    assert page.locator("#answer .side").count() == 2 and page.locator("#answer .side .piece").count() > 4
    judge("compare")
    page.focus("#tab-compare")
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("#tab-ask", "aria-selected") == "true" and page.url.endswith("#ask")
    judge("ask")
    page.context.close()
    assert [fault for fault in faults if "422" not in fault] == []


VIEWS = """async () => {
  const { answerView } = await import("/playground/view.js");
  const { WORDS } = await import("/playground/words.js");
  const show = (prediction, values) => {
    const view = answerView(prediction, values, WORDS.ko);
    return [view.textContent, [...view.querySelectorAll("mark")].map((mark) => mark.textContent)];
  };
  const text = "👍 주시경은 서울에서 가르쳤다.";
  return [
    show({ entities: [{ start: 2, end: 5, label: "PS" }, { start: 7, end: 9, label: "LC" }] }, { text }),
    show({ text: "서울", start: 7, end: 9, score: 1, alternatives: [] }, { question: "어디?", context: text }),
    show({ text: null, start: 0, end: 0, score: 1, alternatives: [] }, { question: "어디?", context: text }),
    show({ choice: 1, scores: [0, 2] }, { context: "가", choices: ["하나", "둘"] }),
    show({ score: 3.25 }, {}),
  ];
}"""


def test_answers_of_every_shape(browser: object, service: Service) -> None:
    page = browser.new_page()  # type: ignore[attr-defined]
    page.goto(f"http://127.0.0.1:{service.port}/docs")
    entities, span, nothing, choice, number = page.evaluate(VIEWS)
    assert entities[1] == ["주시경PS", "서울LC"]  # places count characters, not UTF-16 units
    assert span[1] == ["서울"] and span[0].startswith("서울")
    assert "답이 없다" in nothing[0]
    assert choice[0].startswith("둘88.1%")
    assert number[0] == "3.250"
    page.close()


def test_nothing_comes_from_outside() -> None:
    for path in PLAYGROUND.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "https://" not in text and "http://" not in text.replace("http://www.w3.org/2000/svg", "")
