"""The built web pages in headless Chromium: they load, read and work without a network."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Literal
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import nbformat
import pytest
from browsing import WAIT_MS, violations
from built_book import BOOK, HTML, require_built
from guide import guide_pages
from playwright.sync_api import Browser, Page, Request, Route

SECTIONS = list(BOOK.sections)
PAGES = [*SECTIONS, *guide_pages(BOOK)]
# The text and images that stick out of the window on the right and that no box lets one scroll to.
CUT_OFF = """() => {
    const scrolls = e => e && (["auto", "scroll"].includes(getComputedStyle(e).overflowX)
                               && e.tagName !== "HTML" && e.tagName !== "BODY"
                               && !e.classList.contains("bd-main") || scrolls(e.parentElement));
    return [...document.querySelectorAll(".bd-main :is(p, li, img, a, td, th, figcaption, h1, h2)")]
        .filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)
        .filter(e => !scrolls(e))
        .map(e => e.tagName + ": " + (e.innerText || e.src).slice(0, 60));
}"""


# The images that are shown with other proportions than they have.
DISTORTED = """() => [...document.images]
    .filter(i => i.checkVisibility() && i.getAttribute("height"))
    .filter(i => Math.abs(i.clientWidth / i.clientHeight * i.getAttribute("height")
                          / i.getAttribute("width") - 1) > 0.02)
    .map(i => i.src)"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serve files without a line of log for each."""

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: a failed request shows in the browser's record."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the built pages on a free port of this machine."""
    require_built(HTML / "index.html", "make html")
    handler = functools.partial(QuietHandler, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass
class Visit:
    """A page in a browser window, and everything that went wrong in it."""

    page: Page
    address: str
    console_errors: list[str] = field(default_factory=list)
    failed_requests: list[str] = field(default_factory=list)
    foreign_requests: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Record errors, and stop every request to another host."""
        self.page.on("console", lambda message: message.type in ("error", "warning")
                     and self.console_errors.append(message.text))
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self.failed_requests.append(request.url))
        self.page.on("response", lambda response: response.status >= 400
                     and self.failed_requests.append(f"{response.status} {response.url}"))
        self.page.route("**/*", self._stay_home)

    def _stay_home(self, route: Route, request: Request) -> None:
        if request.url.startswith((self.address, "data:", "blob:")):
            route.continue_()
        else:
            self.foreign_requests.append(request.url)
            route.abort()

    def open(self, name: str) -> Page:
        """Go to the page `name` and wait until its formulas are set."""
        self.page.goto(f"{self.address}/{name}.html", wait_until="load")
        self.page.evaluate("window.MathJax ? MathJax.startup.promise.then(() => null) : null")
        return self.page


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Return a window as wide as a small laptop's."""
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        context.set_default_timeout(WAIT_MS)
        started = Visit(context.new_page(), address)
        started.watch()
        yield started


@dataclass
class Reading(Visit):
    """A page in a window, opened once for all tests that leave it as they found it."""

    section: str = ""


@pytest.fixture(scope="module", params=PAGES)
def reading(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Reading]:
    """Return a section in a window as wide as a small laptop's."""
    with browser.new_context(viewport={"width": 1280, "height": 800},
                             color_scheme="light") as context:
        context.set_default_timeout(WAIT_MS)
        started = Reading(context.new_page(), address, section=request.param)
        started.watch()
        started.open(request.param).wait_for_load_state("networkidle")
        yield started


def test_page_loads_without_an_error_and_without_another_host(reading: Reading) -> None:
    assert reading.page.title()
    assert reading.foreign_requests == []
    assert reading.failed_requests == []
    assert reading.console_errors == []


def test_search_page_loads_without_an_error_and_without_another_host(visit: Visit) -> None:
    page = visit.open("search")
    page.wait_for_load_state("networkidle")
    assert page.title()
    assert visit.foreign_requests == visit.failed_requests == visit.console_errors == []


def test_images_load_and_have_alt_texts(reading: Reading) -> None:
    # those of the other mode and those far below would load when they are needed
    images = reading.page.evaluate("""() => Promise.all([...document.images].map(async i => {
        i.loading = "eager";
        await i.decode().catch(() => null);
        return {source: i.src, alt: i.alt, width: i.naturalWidth};
    }))""")
    assert images, "each page has at least the book's emblem"
    for image in images:
        assert image["width"] > 0, f"{image['source']} does not load"
        assert image["alt"].strip(), f"{image['source']} has no alt text"
        assert not image["alt"].endswith((".svg", ".png")), f"{image['source']}: alt is a path"


def test_formulas_are_set(reading: Reading) -> None:
    page = reading.page
    formulas = page.locator(".math").count()
    assert page.locator(".math mjx-container").count() >= formulas
    assert page.locator("mjx-merror, [data-mjx-error]").all_text_contents() == []
    assert "\\(" not in page.locator("article").inner_text()


def test_some_page_has_formulas() -> None:
    require_built(HTML / "index.html", "make html")
    assert sum((HTML / f"{section}.html").read_text(encoding="utf-8").count('class="math')
               for section in SECTIONS) > 10


def test_solutions_unfold_and_fold(reading: Reading) -> None:
    for solution in reading.page.locator("div.solution.dropdown").all():
        button = solution.locator("button.toggle-button")
        content = solution.locator("> :not(.admonition-title):not(button)").first
        assert not content.is_visible()
        button.click()
        content.wait_for(state="visible")
        assert content.inner_text().strip()
        button.click()
        content.wait_for(state="hidden")


def test_questions_unfold_by_keyboard_and_by_click(visit: Visit) -> None:
    page = visit.open("rs-intro")
    questions = page.locator("div.question")
    assert questions.count() >= 5
    assert page.locator("div.question details[open]").count() == 0
    for question in questions.all():
        options = question.locator("details")
        assert options.count() >= 2
        summary, reason = options.first.locator("summary"), options.first.locator(".reason")
        assert not reason.is_visible()
        summary.press("Enter")
        reason.wait_for(state="visible")
        assert reason.inner_text().startswith(("Right.", "No."))
        for option in options.all()[1:]:
            option.locator("summary").click()
            assert option.evaluate("option => option.open")
        assert options.locator(".reason.right").count() >= 1
    formulas = page.locator("div.question summary mjx-container")
    assert formulas.count() > 0
    formulas.first.scroll_into_view_if_needed()
    box = formulas.first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert not formulas.first.evaluate("formula => formula.closest('details').open")
    assert violations(page) == []


def test_taught_sections_have_figures_code_and_solutions(reading: Reading) -> None:
    page = reading.page
    assert page.locator("div.cell_input button.copybtn").count() == (
        page.locator("div.cell_input div.highlight").count()
    )
    captions = page.locator("figure figcaption .caption-number").all_text_contents()
    assert all(caption.startswith("Figure ") for caption in captions)
    if BOOK.sections.get(reading.section):
        assert page.locator("div.solution").count() > 0 and captions


def test_notebook_without_outputs_can_be_downloaded(reading: Reading) -> None:
    page = reading.page
    source = BOOK.notebooks / f"{reading.section}.ipynb"
    button = page.locator("a.btn-download-notebook-button")
    if not source.is_file():
        assert button.count() == 0
        return
    response = page.request.get(urljoin(page.url, button.get_attribute("href")), timeout=WAIT_MS)
    assert response.ok
    notebook = nbformat.reads(response.text(), as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells
    assert not any(cell.get("outputs") for cell in notebook.cells if "tell(" not in cell.source)
    assert response.body() == source.read_bytes()


def test_page_can_be_used_by_all(reading: Reading) -> None:
    assert violations(reading.page) == []


def test_dark_page_can_be_used_by_all(reading: Reading) -> None:
    turn(reading.page, "dark")
    assert violations(reading.page) == []
    turn(reading.page, "light")


def turn(page: Page, mode: Literal["dark", "light"]) -> None:
    """Let the system of the reader change its colours, and wait until the page has followed."""
    page.emulate_media(color_scheme=mode)
    page.wait_for_function("mode => document.documentElement.dataset.theme === mode", arg=mode)


@pytest.fixture(scope="module")
def phone(browser: Browser, address: str) -> Iterator[Visit]:
    """Return a window as wide as a phone's."""
    with browser.new_context(viewport={"width": 400, "height": 800}) as context:
        context.set_default_timeout(WAIT_MS)
        yield Visit(context.new_page(), address)


@pytest.mark.parametrize("section", PAGES)
def test_page_fits_a_phone_and_can_be_used_by_all_there(phone: Visit, section: str) -> None:
    page = phone.open(section)
    assert violations(page) == []
    for button in page.locator("button.toggle-button, div.question summary").all():
        button.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate(DISTORTED) == []


def test_panels_side_by_side_scroll_on_a_phone_and_fill_the_column_of_a_desk(
        phone: Visit, browser: Browser, address: str) -> None:
    def widths(page: Page) -> list[tuple[int, int, int]]:
        return page.locator(".drawing.wide").evaluate_all(
            "boxes => boxes.map(box => [box.clientWidth, box.scrollWidth, box.tabIndex])")

    page = phone.open("hyperband-async")
    assert (found := widths(page))
    assert all(shown < 400 and whole > 500 and tab == 0 for shown, whole, tab in found)
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        context.set_default_timeout(WAIT_MS)
        page = Visit(context.new_page(), address).open("hyperband-async")
        assert all(whole <= shown for shown, whole, _ in widths(page))


def test_search_finds_a_term_and_the_page_that_has_it(visit: Visit) -> None:
    visit.page.goto(f"{visit.address}/search.html?q=incumbent")
    result = visit.page.locator("#search-results ul.search li a").first
    result.wait_for()
    result.click()
    visit.page.wait_for_url(lambda url: "/search.html" not in url)
    assert "incumbent" in visit.page.locator("article").inner_text().lower()
    assert visit.foreign_requests == []


def test_dark_mode_turns_the_page_and_its_figures_dark(visit: Visit) -> None:
    visit.page.emulate_media(color_scheme="dark")
    page = visit.open("hyperopt-intro")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    figures = page.locator("article figure:not(.lab-explorable) .drawing")
    for figure in figures.all():
        [image] = [image for image in figure.locator("img").all() if image.is_visible()]
        assert image.get_attribute("src").endswith("-dark.svg")
        assert image.evaluate("image => getComputedStyle(image).filter") == "none"
        ground = image.evaluate("image => getComputedStyle(image).backgroundColor")
        assert ground == "rgba(0, 0, 0, 0)"
    assert figures.count() > 3
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in background.strip("rgb()").split(",")) < 60


def test_keyboard_focus_is_visible(visit: Visit) -> None:
    page = visit.open("hyperopt-intro")
    link = page.locator("article p a").first
    link.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert float(link.evaluate("a => parseFloat(getComputedStyle(a).outlineWidth)")) >= 2


class Anchors(HTMLParser):
    """Collect a page's links and the places that links can point to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.ids |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        if tag == "a" and attributes.get("href"):
            self.links.add(attributes["href"])


@functools.cache
def anchors(page: str) -> Anchors:
    """Return the links and anchors of one built page."""
    parser = Anchors()
    parser.feed((HTML / page).read_text(encoding="utf-8"))
    return parser


@pytest.mark.parametrize("section", PAGES)
def test_links_lead_somewhere(section: str) -> None:
    require_built(HTML / "index.html", "make html")
    page = f"{section}.html"
    links = anchors(page).links
    assert links
    for link in links:
        if urlparse(link).scheme:
            continue
        target, anchor = urldefrag(link)
        target = unquote(target) or page
        assert (HTML / target).is_file(), f"{page} links to {target}, which does not exist"
        if anchor and target.endswith(".html"):
            assert unquote(anchor) in anchors(target).ids, f"{page}: no anchor {link}"


def test_animation_is_played_and_moved_by_keyboard(visit: Visit) -> None:
    page = visit.open("bo-intro")
    player = page.locator("div.animation").first
    slider, label = player.locator("input[type=range]"), player.locator("output")
    last = slider.get_attribute("max")
    slider.press("Home")
    first_frame = player.locator("img").get_attribute("src")
    slider.press("ArrowRight")
    assert slider.input_value() == "1"
    assert player.locator("img").get_attribute("src") != first_frame
    assert slider.get_attribute("aria-valuetext") == label.inner_text() != ""
    slider.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("player => player.querySelector('input').value === "
                           f"'{last}'", arg=player.element_handle())
    assert player.locator("button").inner_text() == "Play"
    assert visit.foreign_requests == visit.failed_requests == visit.console_errors == []


def test_animation_is_dark_in_dark_mode(visit: Visit) -> None:
    visit.page.emulate_media(color_scheme="dark")
    player = visit.open("bo-intro").locator("div.animation").first
    assert "invert" in player.locator("img").evaluate("image => getComputedStyle(image).filter")
    box = player.evaluate("p => getComputedStyle(p.closest('.text_html')).backgroundColor")
    assert box == "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_drawing_has_the_colours_of_the_mode(visit: Visit, scheme: str) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    figure = visit.open("hyperopt-api").locator("#fig-loop")
    [image] = [image for image in figure.locator("img").all() if image.is_visible()]
    name = "loop.svg" if scheme == "light" else "loop-dark.svg"
    assert image.get_attribute("src").endswith(f"/{name}")
    assert image.evaluate("image => getComputedStyle(image).filter") == "none"
    assert figure.locator("figcaption").is_visible()


def test_first_use_of_a_term_shows_its_meaning_and_leads_to_it(visit: Visit) -> None:
    page = visit.open("hyperband-intro")
    links = page.locator(".bd-article a.term")
    found = links.evaluate_all("as => as.map(a => [a.getAttribute('href'), a.title, a.innerText])")
    assert len(found) >= 10 and len({href for href, _, _ in found}) == len(found)
    assert all(len(meaning) > 20 for _, meaning, _ in found)
    assert "rung" in {words.lower().rstrip("s") for _, _, words in found}
    links.first.click()
    page.wait_for_url("**/glossary.html#*")
    target = urldefrag(page.url).fragment
    page.locator(f'[id="{target}"]').wait_for(state="visible")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_boxes_of_the_map_lead_to_their_sections(visit: Visit, scheme: str) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    page = visit.open("index")
    boxes = page.locator("#fig-map svg:visible a")
    assert boxes.count() >= len(SECTIONS) // 2
    names = boxes.evaluate_all("as => as.map(a => a.getAttribute('href'))")
    assert {name.removesuffix(".html") for name in names} <= {*SECTIONS}
    boxes.first.click()
    page.wait_for_url(f"**/{names[0]}")
