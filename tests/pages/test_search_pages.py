"""The pages of searches in headless Chromium: for all, on a phone, in the dark, by keyboard."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import page_searches as searches
import pytest
from browsing import WAIT_MS, violations
from playwright.sync_api import Browser, Page

from d2l_hpo import search_page

# Words of pictures that overlap others, and words that are cut off at the edge of their picture.
OVERLAPS = """() => [...document.querySelectorAll("main svg")].flatMap(svg => {
    const frame = svg.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll("text")].map(t => [t.firstChild.data,
                                                              t.getBoundingClientRect()]);
    const cut = boxes.filter(([, b]) => b.left < frame.left - 2 || b.right > frame.right + 2
                                        || b.top < frame.top - 2 || b.bottom > frame.bottom + 2);
    const over = boxes.filter(([, a], i) => boxes.slice(i + 1).some(([, b]) =>
        a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3
        && b.top < a.bottom - 3));
    return [...cut, ...over].map(([word]) => word);
})"""
CUT_OFF = """() => [...document.querySelectorAll("main :is(p, figure, dd, h2, summary, pre)")]
    .filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => e.tagName + ": " + e.innerText.slice(0, 60))"""
COLUMN = "column => [...document.querySelectorAll('tbody tr')].map(r => r.cells[column].innerText)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page of each search."""
    folder = tmp_path_factory.mktemp("pages")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, make in searches.SEARCHES.items():
            search_page(make(), folder / f"{name}.html")
    return folder


class Window:
    """A window in which what goes wrong is noted."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.wrong: list[str] = []
        page.on("console", lambda message: self.wrong.append(message.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", lambda dialog: self.wrong.append(dialog.message) or dialog.dismiss())
        page.on("request", lambda request: request.url.startswith(("file:", "data:"))
                or self.wrong.append(request.url))

    def open(self, name: str) -> Page:
        """Go to a search's page."""
        self.page.goto((self.folder / f"{name}.html").as_uri())
        return self.page


@pytest.fixture
def window(browser: Browser, folder: Path) -> Iterator[Window]:
    """Return a window as wide as a small laptop's."""
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        context.set_default_timeout(WAIT_MS)
        yield Window(context.new_page(), folder)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", searches.SEARCHES)
def test_a_page_can_be_used_by_all(window: Window, name: str, width: int, scheme: str) -> None:
    window.page.set_viewport_size({"width": width, "height": 800})
    window.page.emulate_media(color_scheme=scheme)
    page = window.open(name)
    for details in page.locator("details").all():
        details.locator("summary").click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT_OFF) == [] and window.wrong == []
    assert page.evaluate(OVERLAPS) == []


def test_the_mode_is_switched_by_keyboard_and_follows_the_system(window: Window) -> None:
    window.page.emulate_media(color_scheme="light")
    page = window.open("sixty")
    ground = "getComputedStyle(document.body).backgroundColor"
    light, button = page.evaluate(ground), page.locator("#mode")
    assert button.get_attribute("aria-pressed") == "false"
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert dark != light
    button.focus()
    page.keyboard.press("Enter")
    assert page.evaluate(ground) == light and button.get_attribute("aria-pressed") == "false"
    page.keyboard.press("Space")
    assert page.evaluate(ground) == dark and violations(page) == []


def test_a_heading_sorts_the_table_both_ways_and_what_is_missing_stays_last(
        window: Window) -> None:
    page = window.open("sixty")
    head = page.locator("thead th").nth(1)
    assert head.get_attribute("aria-sort") == "none"
    for direction, sign in (("ascending", 1), ("descending", -1)):
        head.locator("button").press("Enter")
        assert head.get_attribute("aria-sort") == direction
        found = page.evaluate(COLUMN, 1)
        values = [sign * float(text) for text in found if text != "–"]
        assert values == sorted(values) and 0 < len(values) < 60
        assert set(found[len(values):]) == {"–"}
    other = page.locator("thead th").nth(0)
    other.locator("button").click()
    assert head.get_attribute("aria-sort") == "none"
    assert page.evaluate(COLUMN, 0) == [str(i) for i in range(60)]


def test_a_trial_is_marked_in_all_pictures_by_keyboard_and_mouse(window: Window) -> None:
    page, search = window.open("sixty"), searches.tuner(60)
    slider, words = page.locator("#rank"), page.locator(".marker output")
    slider.press("ArrowRight")
    assert words.inner_text().startswith(f"Trial {search.incumbent_trial}, error")
    assert slider.get_attribute("aria-valuetext") == words.inner_text()
    assert page.locator("#values svg:has([data-mark])").count() == len(search.incumbent) - 1
    for name in ("best", "pairs", "parallel", "workers"):
        assert page.locator(f"#{name} svg [data-mark]").count() > 0
    assert page.locator("tr.marked th").inner_text() == str(search.incumbent_trial)
    page.keyboard.press("Escape")
    assert page.locator("[data-mark]").count() == 0 and "No trial" in words.inner_text()
    page.locator("tbody th button").nth(7).press("Enter")
    assert words.inner_text().startswith("Trial 7,")
    page.locator("#values svg").first.scroll_into_view_if_needed()
    ring = page.locator("#values svg").first.locator("[data-mark]").first.bounding_box()
    page.keyboard.press("Escape")
    page.mouse.click(ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2)
    assert words.inner_text().startswith("Trial 7,")
    assert window.wrong == []


def test_trials_that_do_not_keep_the_limits_rank_behind_those_that_do(window: Window) -> None:
    page, search = window.open("everything"), searches.everything()
    last = {row["trial_id"]: row for row in search.rows}
    kept, over, failed = set(), set(), set()
    for number, row in last.items():
        (failed if row["status"] == "failed" else
         kept if row["info"]["memory"] < 3 else over).add(number)
    words = []
    for _ in range(len(last)):
        page.locator("#rank").press("ArrowRight")
        words.append(page.locator(".marker output").inner_text())
    ranks = [int(text.removeprefix("Trial ").split(",")[0]) for text in words]
    assert {*ranks[:len(kept)]} == kept and {*ranks[-len(failed):]} == failed and over
    errors = [last[number]["error"] for number in ranks[:len(kept)]]
    assert errors == sorted(errors) and "limits kept" in words[0]
    page.locator("#rank").fill("1")
    assert page.locator("#best svg [data-mark]").count() > 0
    assert page.locator("#front svg [data-mark]").count() > 0 and window.wrong == []


def test_focus_is_visible_everywhere_and_not_covered(window: Window) -> None:
    page = window.open("sixty")
    seen = 0
    for _ in range(30):
        page.keyboard.press("Tab")
        focus = page.evaluate("""() => { const e = document.activeElement;
            const box = e.getBoundingClientRect(), bar = document.querySelector(".marker");
            return {width: parseFloat(getComputedStyle(e).outlineWidth), tag: e.tagName,
                    covered: !bar.contains(e) && box.bottom > bar.getBoundingClientRect().top
                             && box.top >= bar.getBoundingClientRect().top}; }""")
        if focus["tag"] == "BODY":
            break
        seen += 1
        assert focus["width"] >= 2 and not focus["covered"], focus
    assert seen > 12


def test_a_page_without_javascript_holds_all_but_its_buttons(browser: Browser,
                                                             folder: Path) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto((folder / "sixty.html").as_uri())
        assert page.locator("main svg").count() > 12
        assert page.locator("tbody tr").count() == 60
        for hidden in ("#mode", ".marker"):
            assert not page.locator(hidden).is_visible()
