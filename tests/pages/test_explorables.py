"""Explorables in headless Chromium, from files and without a network, by keyboard and by touch.

The pages are a small book with nothing but the explorables; what they show is compared with the
package.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import lab_expected as expected
import laboratory
import pytest
from browsing import WAIT_MS, violations
from built_book import BOOK
from playwright.sync_api import Browser, Locator, Page, Request

NAMES = list(laboratory.EXPLORABLES)
MOST_BYTES = 150_000  # that a page loads because of its explorable
PAGE = """\
# Page {name}

See {{numref}}`fig_{name}`.

:::{{explorable}} {name}
:name: fig_{name}
:alt: What is drawn of {name}.

The caption of {name}.
:::
"""
# The words of a picture that lie on other words, or that stick out of it.
BADLY_PLACED = """() => {
  const svg = document.querySelector(".lab-picture svg").getBoundingClientRect();
  const words = [...document.querySelectorAll(".lab-picture text")]
    .map(e => [e.textContent, e.getBoundingClientRect()]);
  const out = words.filter(([, b]) => b.left < svg.left - 1 || b.right > svg.right + 1
                                      || b.top < svg.top - 1 || b.bottom > svg.bottom + 1);
  const over = words.flatMap(([one, a], i) => words.slice(i + 1).filter(([, b]) =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3)
    .map(([other]) => `${one} | ${other}`));
  return [...out.map(([text]) => text), ...over];
}"""
# The settings that the controls show, and those that only the link holds.
SETTINGS = """name => {
  const controls = lab.explorables[name].controls(lab.data).filter(c => c.kind !== "list");
  const shown = {};
  controls.forEach((control, i) => {
    const input = document.getElementById(`lab-${name}-${i}`);
    if (control.kind === "check") shown[control.name] = input.checked;
    if (control.kind === "range") shown[control.name] = Number(input.value);
    if (control.kind === "choice") shown[control.name] = control.options[input.selectedIndex][0];
  });
  const list = lab.explorables[name].controls(lab.data).find(c => c.kind === "list");
  if (list) {
    const all = lab.frame.settingsOf(document.querySelector(".lab-link").hash, name,
                                     lab.explorables[name].controls(lab.data));
    shown.trials = all.trials;
  }
  return shown;
}"""


def build(folder: Path, builder: str) -> Path:
    """Build the small book; return the folder of its pages."""
    source, target = folder / "source", folder / builder
    if not source.is_dir():
        shutil.copytree(laboratory.STILLS, source / "img" / "lab")
        names = "\n".join(NAMES)
        (source / "index.md").write_text(f"# Index\n\n```{{toctree}}\n{names}\n```\n")
        for name in NAMES:
            (source / f"{name}.md").write_text(PAGE.format(name=name))
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-c", str(BOOK.root / "book"), "-b",
                    builder, "-d", str(folder / f"doctrees-{builder}"), str(source), str(target)],
                   cwd=BOOK.root, check=True, capture_output=True)
    return target


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built pages."""
    return build(tmp_path_factory.mktemp("explorables"), "html")


class Desk:
    """A window without a network, and everything that went wrong in it."""

    def __init__(self, browser: Browser, book: Path, **context: Any) -> None:
        context = {"viewport": {"width": 1280, "height": 900}, **context}
        self.context = browser.new_context(offline=True, **context)
        self.context.set_default_timeout(WAIT_MS)
        self.page = self.context.new_page()
        self.book = book
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda message: message.type in ("error", "warning")
                     and self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: request.failure != "net::ERR_ABORTED"
                     and self.complaints.append(request.url))  # aborted: another page was opened
        self.page.on("request", lambda request: request.url.startswith(("file:", "data:"))
                     or self.foreign.append(request.url))

    def open(self, name: str, fragment: str = "") -> Page:
        """Open a page as a file."""
        self.page.goto(f"file://{self.book / name}.html{fragment}", wait_until="load")
        return self.page

    def check(self, name: str) -> str:
        """Compare the outcome with the package; return it."""
        shown = self.page.evaluate(SETTINGS, name)
        outcome = self.page.locator(".lab-outcome").inner_text().replace("\u00a0", " ")
        for ignored in ("at", "truth"):
            shown.pop(ignored, None)
        for part in expected.told(name, shown):
            assert part in outcome, (shown, part, outcome)
        assert self.complaints == self.foreign == []
        return outcome


@pytest.fixture
def desk(browser: Browser, book: Path) -> Iterator[Desk]:
    """Return a window as wide as a small laptop's."""
    made = Desk(browser, book)
    yield made
    made.context.close()


@pytest.fixture
def phone(browser: Browser, book: Path) -> Iterator[Desk]:
    """Return a small phone that is touched."""
    made = Desk(browser, book, viewport={"width": 360, "height": 800}, has_touch=True,
                is_mobile=True)
    yield made
    made.context.close()


def control(page: Page, label: str) -> Locator:
    """Return the control with this label."""
    return page.get_by_label(label, exact=True)


@pytest.mark.parametrize("name", NAMES)
def test_page_opens_with_what_the_package_computes(desk: Desk, name: str) -> None:
    page = desk.open(name)
    desk.check(name)
    figure = page.locator("figure.lab-live")
    assert figure.count() == 1 and not figure.locator(".drawing").is_visible()
    caption = figure.locator("figcaption").inner_text()
    assert caption.startswith("Figure ") and f"The caption of {name}." in caption
    assert page.get_by_role("img", name=f"What is drawn of {name}.").count() == 1
    assert page.locator(".lab-outcome[role=status]").count() == 1


KEYS = {
    "halving": [("Reduction factor \u03b7", "ArrowDown"), ("First rung", "ArrowDown"),
                ("Trials that begin", "Home"), ("Order of the configurations", "PageUp"),
                ("Method", "ArrowDown"), ("Configurations", "ArrowDown")],
    "asha": [("Time shown", "ArrowLeft"), ("Workers", "ArrowRight"), ("Stragglers", "End"),
             ("Method", "ArrowDown"), ("First rung", "ArrowDown"), ("Method", "ArrowDown"),
             ("Reduction factor \u03b7", "ArrowUp"), ("Order of the configurations", "End")],
    "process": [("Length scale", "ArrowRight"), ("Noise", "PageUp"),
                ("Where to train", "ArrowLeft"), ("Show the true error", "Space")],
    "designs": [("Points", "ArrowRight"), ("Angle of the axes", "ArrowUp"),
                ("Importance of the second axis", "End"), ("Seed", "ArrowRight")],
    "winner": [("Trials", "Home"), ("Noise of an error", "End"), ("Seed", "ArrowRight")],
    "duel": [("Learning rate", "ArrowRight"), ("Batch size", "Home"), ("Momentum", "ArrowUp"),
             ("Weight decay", "ArrowLeft"), ("Width", "ArrowDown"), ("Activation", "ArrowDown")],
}


@pytest.mark.parametrize("name", NAMES)
def test_every_control_works_by_keyboard_and_says_its_value(desk: Desk, name: str) -> None:
    page = desk.open(name)
    page.locator(".lab-controls :is(input, select, button)").first.focus()
    reached = []
    for _ in range(page.locator(".lab-controls :is(input, select, button, a)").count()):
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.text "
                                     "|| document.activeElement.textContent"))
        width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert float(width.removesuffix("px")) >= 2, reached[-1]
        page.keyboard.press("Tab")
    assert len(set(reached)) == len(reached)
    labels = page.locator(".lab-field label").all_inner_texts()
    assert {label for label, _ in KEYS[name]} == {*labels}
    for label, key in KEYS[name]:
        before = page.evaluate(SETTINGS, name)
        field = control(page, label)
        field.press(key)
        assert page.evaluate(SETTINGS, name) != before, label
        if field.get_attribute("type") == "range":
            said = field.get_attribute("aria-valuetext")
            assert said and said == field.locator("xpath=following-sibling::span").inner_text()
        desk.check(name)


def test_trials_are_added_and_taken_back_by_keyboard(desk: Desk) -> None:
    page = desk.open("process")
    control(page, "Where to train").press("ArrowRight")
    train = page.get_by_role("button", name="Train there")
    train.press("Enter")
    assert page.evaluate(SETTINGS, "process")["trials"] == [*expected.FIRST_TRIALS, 121]
    desk.check("process")
    assert train.get_attribute("aria-disabled") == "true"
    train.press("Enter")  # there is a trial already
    assert len(page.evaluate(SETTINGS, "process")["trials"]) == 6
    gain = expected.process((*expected.FIRST_TRIALS, 121))["improvement"]
    page.get_by_role("button", name="Train where the improvement is largest").press("Space")
    assert page.evaluate(SETTINGS, "process")["trials"][-1] == int(gain.argmax())
    desk.check("process")
    back = page.get_by_role("button", name="Take the last one back")
    for left in range(6, -1, -1):
        back.press("Enter")
        assert len(page.evaluate(SETTINGS, "process")["trials"]) == left
    assert "No trial yet" in page.locator(".lab-outcome").inner_text()
    assert back.get_attribute("aria-disabled") == "true"
    page.get_by_role("button", name="Reset").press("Enter")
    desk.check("process")
    assert desk.page.evaluate(SETTINGS, "process")["trials"] == [*expected.FIRST_TRIALS]


def test_reader_has_ten_trials_against_the_optimizer(desk: Desk) -> None:
    page = desk.open("duel")
    train = page.get_by_role("button", name="Train")
    for number in range(10):
        control(page, "Learning rate").press("ArrowRight" if number % 2 else "PageUp")
        train.press("Enter")
        assert desk.check("duel").startswith(f"Trial {number + 1} of 10")
    assert train.get_attribute("aria-disabled") == "true"
    train.press("Enter")
    assert len(page.evaluate(SETTINGS, "duel")["trials"]) == 60
    assert page.locator(".lab-picture circle").count() == 10


@pytest.mark.parametrize("name", NAMES)
def test_every_explorable_is_used_by_touch_on_a_small_phone(phone: Desk, name: str) -> None:
    page = phone.open(name)
    for slider in page.locator(".lab-controls input[type=range]:enabled").all():
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        before = slider.input_value()
        at = 0.25 if float(before) > float(slider.get_attribute("max")) / 2 else 0.8
        page.touchscreen.tap(box["x"] + at * box["width"], box["y"] + box["height"] / 2)
        assert slider.input_value() != before
    phone.check(name)
    for select in page.locator(".lab-controls select").all():
        assert select.bounding_box()["height"] >= 40
    for box in page.locator(".lab-controls input[type=checkbox]").all():
        box.tap()
        assert box.is_checked()
    for button in page.locator(".lab-buttons button:not([aria-disabled=true])").all():
        assert button.bounding_box()["height"] >= 40
        before = page.evaluate(SETTINGS, name)
        button.tap()
        if button.inner_text() == "Pause":  # it was Play
            button.tap()
        elif button.inner_text() == "Reset":
            assert page.locator(".lab-link").get_attribute("href") == f"#explore-{name}"
        else:
            assert page.evaluate(SETTINGS, name) != before
        phone.check(name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_tap_on_the_picture_adds_a_trial(phone: Desk) -> None:
    page = phone.open("process")
    svg = page.locator(".lab-picture svg")
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()
    left, wide = 46, box["width"] - 62
    page.touchscreen.tap(box["x"] + left + 0.75 * wide, box["y"] + 150)
    trials = page.evaluate(SETTINGS, "process")["trials"]
    assert len(trials) == 6 and abs(trials[-1] - 150) <= 1
    phone.check("process")
    page.touchscreen.tap(box["x"] + left + 0.2 * wide, box["y"] + box["height"] - 60)
    assert page.evaluate(SETTINGS, "process")["trials"] == trials  # not on the lower panel


FRAGMENTS = {"asha": ["?mode=stopping&eta=2&workers=64&slow=30", "?first=9&workers=1",
                      "?mode=brackets&first=27"],
             "halving": ["?method=hyperband&eta=2", "?eta=27", "?eta=4&first=2", "?pool=best"],
             "process": ["?length=0&truth=1", "?trials=5"],
             "designs": ["?side=8&angle=45&share=50"],
             "winner": ["?trials=8&noise=0", "?trials=128&noise=40"],
             "duel": ["?trials=0.0.0.0.0.0.50.50.50.50.1.2"]}


@pytest.mark.parametrize("name", NAMES)
def test_words_in_pictures_are_apart_at_every_width(desk: Desk, name: str) -> None:
    page = desk.open(name)
    for query in ["", *FRAGMENTS[name]]:
        page.evaluate("hash => { location.hash = hash; }", f"explore-{name}{query}")
        page.wait_for_function("hash => document.querySelector('.lab-link').hash === hash",
                               arg=f"#explore-{name}{query}")
        for width in (320, 360, 400, 700):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function("""() => document.querySelector(".lab-picture svg")
                .getAttribute("width") == Math.min(Math.max(document.querySelector(
                    "[data-explorable]").clientWidth, 280), 640)""")
            assert page.evaluate(BADLY_PLACED) == [], (query, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert desk.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_explorable_can_be_used_by_all(desk: Desk, name: str, scheme: str) -> None:
    desk.page.emulate_media(color_scheme=scheme)
    page = desk.open(name)
    assert violations(page) == []
    ink = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--lab-ink')")
    assert ink == dict(zip(laboratory.MODES, ("#222832", "#e3e8ee"), strict=True))[scheme]


@pytest.mark.parametrize("name", NAMES)
def test_explorable_can_be_used_by_all_on_a_phone(phone: Desk, name: str) -> None:
    assert violations(phone.open(name)) == []


def test_the_search_is_played_unless_motion_is_to_be_reduced(desk: Desk) -> None:
    page = desk.open("asha")
    play, slider = page.get_by_role("button", name="Play"), control(page, "Time shown")
    for _ in range(5):
        slider.press("PageUp")
    slider.press("End")
    play.press("Enter")
    page.wait_for_function("document.querySelector('.lab-controls input').value > 0")
    pause = page.get_by_role("button", name="Pause")
    assert page.locator(".lab-outcome").get_attribute("aria-live") == "off"
    pause.press("Enter")
    assert page.locator(".lab-outcome").get_attribute("aria-live") == "polite"
    stopped = int(slider.input_value())
    assert 0 < stopped < 100
    desk.check("asha")
    play.press("Enter")
    page.wait_for_function("document.querySelector('.lab-controls input').value === '100'")
    assert page.get_by_role("button", name="Play").count() == 1
    desk.check("asha")
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    assert page.locator("figure.lab-live").count() == 1
    assert page.get_by_role("button", name="Play").count() == 0


def test_a_lecturer_can_link_to_a_setting(desk: Desk) -> None:
    page = desk.open("asha")
    control(page, "Workers").press("Home")
    control(page, "Method").press("ArrowDown")
    link = page.locator(".lab-link").get_attribute("href")
    assert link == "#explore-asha?mode=stopping&workers=1"
    page.get_by_role("button", name="Reset").click()
    assert page.locator(".lab-link").get_attribute("href") == "#explore-asha"
    page.evaluate("hash => { location.hash = hash; }", link)
    page.wait_for_function("document.querySelector('.lab-link').hash.includes('workers=1')")
    assert page.evaluate(SETTINGS, "asha")["mode"] == "stopping"
    desk.open("index")
    page = desk.open("asha", link)
    assert page.evaluate(SETTINGS, "asha")["workers"] == 1
    desk.check("asha")
    assert page.evaluate("document.querySelector('figure').getBoundingClientRect().top") < 300


@pytest.mark.parametrize("fragment", [
    "#explore-asha?workers=99&eta=7&mode=<script>&time=-1&slow=1e9&first=NaN", "#explore-asha?",
    "#explore-asha?%E0%A4%A", "#explore-asha?=&&&==", "#explore-asha?__proto__=1&constructor=2",
    "#explore-nothing?workers=1", "#fig-asha", "#%", "#explore-asha?workers=1.5&workers=2"])
def test_impossible_links_leave_the_page_as_it_opens(desk: Desk, fragment: str) -> None:
    page = desk.open("asha", fragment)
    assert page.locator(".lab-link").get_attribute("href") == "#explore-asha"
    desk.check("asha")


def test_without_scripts_the_still_image_stands_there(browser: Browser, book: Path) -> None:
    desk = Desk(browser, book, java_script_enabled=False)
    for name in NAMES:
        page = desk.open(name)
        image = page.locator("figure.lab-explorable img.only-light")
        assert image.is_visible() and image.get_attribute("alt") == f"What is drawn of {name}."
        assert page.locator(".lab-controls, .lab-picture").count() == 0
        assert page.locator("figcaption").is_visible()
    desk.context.close()


@pytest.mark.parametrize(("script", "text"), [
    ("data/lenet.js", ""), ("explorables/asha.js", "lab.explorables.asha = { controls: () => [], "
                            "compute() { throw new Error('broken'); } };")])
def test_where_a_script_fails_the_still_image_stands_there(desk: Desk, script: str,
                                                           text: str) -> None:
    desk.page.route(f"**/lab/{script}*", lambda route: route.fulfill(
        body=text, content_type="text/javascript"))
    page = desk.open("asha")
    assert len(desk.complaints) == 1
    assert page.locator("figure img.only-light").is_visible()
    assert page.locator(".lab-controls, .lab-picture").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_loads_little_more_than_one_without(desk: Desk, name: str, scheme: str) -> None:
    desk.page.emulate_media(color_scheme=scheme)
    loaded: dict[str, set[Path]] = {}
    for page_name in ("index", name):
        files = loaded[page_name] = set()

        def note(request: Request, files: set[Path] = files) -> None:
            if request.url.startswith("file:"):
                files.add(Path(unquote(urlsplit(request.url).path)))

        desk.page.on("request", note)
        desk.open(page_name)
        desk.page.mouse.wheel(0, 100_000)
        desk.page.wait_for_function("scrollY + innerHeight > document.body.scrollHeight - 100")
        desk.page.remove_listener("request", note)
    more = loaded[name] - loaded["index"]
    assert {path.name for path in more} >= {"frame.js", f"{name}.js", "lab.css"}
    assert sum(path.stat().st_size for path in more) < MOST_BYTES


def test_pages_without_explorables_load_nothing_of_them(book: Path) -> None:
    assert "lab/" not in (book / "index.html").read_text(encoding="utf-8")
    for name in NAMES:
        page = (book / f"{name}.html").read_text(encoding="utf-8")
        others = [other for other in NAMES if f"explorables/{other}.js" in page]
        assert others == [name]


def test_paper_has_the_still_images_and_their_captions(book: Path) -> None:
    latex = build(book.parent, "latex")
    text = (latex / "d2l_hpo.tex").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"The caption of {name}." in text
    assert text.count("includegraphics{") == len(NAMES)
    assert "data-explorable" not in text
    assert len(list(latex.glob("*.pdf"))) >= len(NAMES)
