"""A section of the PDF as one landscape page."""

from __future__ import annotations

import io
from pathlib import Path

import excerpt
import pytest
from matplotlib import pyplot as plt
from pypdf import PdfReader, PdfWriter


def book(path: Path) -> str:
    """Write a PDF of four pages: a page before, and a section of three, each with its number."""
    writer = PdfWriter()
    for number in range(4):
        with io.BytesIO() as file:
            fig = plt.figure(figsize=(8.27, 11.69))
            fig.text(0.5, 0.9, f"words of page {number}")
            fig.text(0.5, 0.02, f"foot {number}")
            fig.savefig(file, format="pdf")
            plt.close(fig)
            writer.append(io.BytesIO(file.getvalue()))
    writer.add_outline_item(title="Before", page_number=0)
    writer.add_outline_item(title="Sheet", page_number=1)
    writer.write(path)
    return str(path)


def test_the_pages_of_a_section_stand_side_by_side_without_their_feet(tmp_path: Path) -> None:
    excerpt.main(book(tmp_path / "book.pdf"), "Sheet", str(tmp_path / "sheet.pdf"))
    page, = PdfReader(tmp_path / "sheet.pdf").pages
    width, height = map(float, page.mediabox[2:])
    assert width > height and width == pytest.approx(842, abs=1)
    places = {}
    page.extract_text(visitor_text=lambda text, now, matrix, *_: places.update(
        {text.strip(): now[4]} if "words" in text else {}))
    assert [text.split()[-1] for text in sorted(places, key=places.get)] == ["1", "2", "3"]
    assert all(0 < x < width for x in places.values())


def test_a_section_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no section 'Sheets' among Before, Sheet"):
        excerpt.main(book(tmp_path / "book.pdf"), "Sheets", str(tmp_path / "sheet.pdf"))
