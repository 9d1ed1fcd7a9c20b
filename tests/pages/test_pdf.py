"""The built PDF: nothing unresolved, nothing empty, nothing outside the page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from built_book import LATEX, PDF, require_built, require_program

OVERFULL_POINTS = 15.0
EMPTY = 0.45  # of a page's height; where breaks fall depends a little on the machine's figures


@pytest.fixture(scope="module")
def pdf_pages() -> list[str]:
    """Return the text of each page."""
    program = require_program("pdftotext")
    require_program("latexmk")
    require_built(PDF, "make pdf")
    done = subprocess.run([program, "-layout", PDF, "-"], capture_output=True, text=True,
                          check=True)
    return done.stdout.removesuffix("\f").split("\f")


@pytest.fixture(scope="module")
def pdf_text(pdf_pages: list[str]) -> str:
    """Return the text of all pages, with runs of white space made one."""
    return " ".join(" ".join(pdf_pages).split())


@pytest.fixture(scope="module")
def source(pdf_pages: list[str]) -> str:
    """Return the LaTeX source that the PDF was made from."""
    return require_built(LATEX / "d2l_hpo.tex", "make pdf").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def log(pdf_pages: list[str]) -> str:
    """Return what xelatex said."""
    path = require_built(LATEX / "d2l_hpo.log", "make pdf")
    return path.read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="module")
def headings(pdf_pages: list[str]) -> list[str]:
    """Return the titles in the table of contents, as the pages print them."""
    toc = require_built(LATEX / "d2l_hpo.toc", "make pdf").read_text(encoding="utf-8")
    lines = re.findall(r"\\contentsline \{(?:sub)*section\}\{(.*)\}\{\d+\}\{[^{}]*\}", toc)
    titles = [re.sub(r"\\numberline \{([^}]*)\}", r"\1 ", line) for line in lines]
    assert titles, "the table of contents is empty"
    titles = [re.sub(r"\\sphinxhyphen *\{\}", "-", title) for title in titles]
    return [" ".join(re.sub(r"[{}]|\\[A-Za-z]+", " ", title).split()) for title in titles]


@pytest.mark.parametrize("unresolved", ["??", "<Figure size", "[?]", "\N{REPLACEMENT CHARACTER}"])
def test_nothing_is_unresolved(pdf_text: str, unresolved: str) -> None:
    place = pdf_text.find(unresolved)
    assert place < 0, f"...{pdf_text[max(0, place - 60):place + 40]}..."


@pytest.mark.parametrize(
    "complaint", ["Missing character", "undefined references", "multiply-defined labels",
                  "There were undefined"]
)
def test_xelatex_does_not_complain(log: str, complaint: str) -> None:
    assert "Output written on d2l_hpo" in log
    assert complaint not in log


def test_nothing_runs_over_the_margin(log: str) -> None:
    widths = re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)([^\n]*)", log)
    assert [(width, place) for width, place in widths if float(width) > OVERFULL_POINTS] == []


def test_every_section_has_text_below_its_heading(source: str) -> None:
    sections = re.split(r"\\section\{", source)[1:]
    assert len(sections) >= 3
    for section in sections:
        text = re.sub(r"\\label\{[^}]*\}+|\\[A-Za-z]+|[{}\s]", "", section)
        assert len(text) > 100, f"nothing below the heading {section[:60]!r}"


def test_no_heading_ends_a_page(pdf_pages: list[str], headings: list[str]) -> None:
    for number, page in enumerate(pdf_pages[2:], start=3):
        lines = [" ".join(line.split()) for line in page.splitlines() if line.strip()]
        body = lines[:-1] if lines and lines[-1].isdigit() else lines
        assert body, f"page {number} is empty"
        assert body[-1] not in headings, f"page {number} ends with the heading {body[-1]!r}"


def test_a_page_is_full_but_for_the_last_of_a_section(pdf_pages: list[str],
                                                      tmp_path: Path) -> None:
    """A table or a figure that cannot break must not leave half a page empty."""
    starts = section_starts(pdf_pages)
    assert len(starts) > 20
    subprocess.run([require_program("pdftoppm"), "-r", "20", "-gray", PDF, tmp_path / "page"],
                   check=True)
    empty = {number: empty_below(path) for number, path in enumerate(sorted(tmp_path.iterdir()), 1)}
    assert len(empty) == len(pdf_pages)
    last = {start - 1 for start in starts} | {len(empty)}
    assert {number: round(share, 2) for number, share in empty.items()
            if share > EMPTY and number >= starts[0] and number not in last} == {}


def section_starts(pdf_pages: list[str]) -> list[int]:
    """Return the page of the file, from 1, on which each section begins: not that of its foot."""
    toc = require_built(LATEX / "d2l_hpo.toc", "make pdf").read_text(encoding="utf-8")
    printed = re.findall(r"\\contentsline \{section\}\{.*\}\{(\d+)\}\{section\*?\.\d+\}", toc)
    feet = {page.split()[-1]: number for number, page in enumerate(pdf_pages, 1) if page.split()}
    return [feet[foot] for foot in printed]


def empty_below(path: Path) -> float:
    """Return what part of the text's height is empty at the bottom of a page's image."""
    with Image.open(path) as image:
        dark = np.asarray(image) < 200
    top, bottom = int(0.07 * len(dark)), int(0.925 * len(dark))  # without head and foot
    lines = np.flatnonzero(dark[top:bottom].any(axis=1))
    return 1 - (lines.max() + 1) / (bottom - top) if len(lines) else 1.0


def test_headings_are_printed(pdf_pages: list[str], headings: list[str]) -> None:
    lines = {" ".join(line.split()) for page in pdf_pages for line in page.splitlines()}
    short = [heading for heading in headings if len(heading) < 50]
    assert short and set(short) <= lines


def test_bibliography_has_the_labels_of_the_text(source: str, pdf_pages: list[str]) -> None:
    labels = re.findall(r"\\bibitem\[(.*?)\]\{", source)
    assert labels
    last_pages = pdf_pages[section_starts(pdf_pages)[-1] - 1:]
    printed = " ".join(" ".join(last_pages).split()).replace("- ", "-")
    for label in labels:
        assert re.fullmatch(r".+, \d{4}", label), f"no author-year label: {label}"
        shown = label.replace(r"\sphinxhyphen{}", "-")
        if "\\" not in shown:
            assert f"{shown}." in printed


def test_every_figure_has_a_numbered_caption(source: str, pdf_text: str) -> None:
    figures = source.count(r"\begin{figure}")
    assert figures > 0
    numbers = set(re.findall(r"Figure (\d+(?:\.\d+)?) ", pdf_text))  # before section 1: no dot
    assert len(numbers) >= figures


def test_the_cheat_sheet_is_one_page() -> None:
    done = subprocess.run([require_program("pdftotext"), "-layout",
                           PDF.with_name("cheatsheet.pdf"), "-"],
                          capture_output=True, text=True, check=True)
    page, = done.stdout.removesuffix("\f").split("\f")
    for words in ("Which Method?", "The Space", "Five Searches", "max_wallclock_time"):
        assert words in page


@pytest.mark.parametrize(("appendix", "entry"), [
    ("Solutions", "Solution to "), ("Answers to the Questions", "Answer to question ")])
def test_what_nobody_shall_read_by_accident_stands_in_an_appendix(
        pdf_pages: list[str], appendix: str, entry: str) -> None:
    [first, *_] = [number for number, page in enumerate(pdf_pages[5:])
                   if re.search(rf"^ *{appendix}$", page, re.MULTILINE)]
    found = [number for number, page in enumerate(pdf_pages[5:])
             if re.search(rf"^ *{entry}", page, re.MULTILINE)]
    assert len(found) > 5 and min(found) >= first


def test_pages_have_running_heads(pdf_pages: list[str]) -> None:
    heads = [" ".join(page.strip("\n").split("\n")[0].split()) for page in pdf_pages[6:]]
    with_head = [head for head in heads if head.startswith("Hyperparameter Optimization ")]
    assert len(with_head) > 0.8 * len(heads) and len({*with_head}) > 20


def test_fonts_are_embedded(pdf_pages: list[str]) -> None:
    program = require_program("pdffonts")
    done = subprocess.run([program, PDF], capture_output=True, text=True, check=True)
    fonts = done.stdout.splitlines()[2:]
    assert fonts
    assert [line for line in fonts if line.split()[-5] != "yes"] == []
