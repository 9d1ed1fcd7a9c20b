"""Write a section of the PDF as a file of its own: one landscape page, its pages side by side.

    python book/excerpt.py BOOK.pdf "Title of the Section" SECTION.pdf
"""

from __future__ import annotations

import sys
from pathlib import Path

from pypdf import PageObject, PdfReader, PdfWriter, Transformation

CM = 72 / 2.54  # points
PAPER = 29.7 * CM, 21.0 * CM  # A4, landscape
MARGINS = 2.1 * CM, 2.3 * CM  # what is cut off left and right; above and below, with the heads
BORDER = 0.7 * CM


def pages_of(reader: PdfReader, title: str) -> range:
    """Return the pages from a section's bookmark to the next one; KeyError if there is none."""
    starts = [(entry.title, reader.get_destination_page_number(entry)) for entry in reader.outline
              if not isinstance(entry, list)]
    for (name, start), (_, end) in zip(starts, [*starts[1:], ("", len(reader.pages))], strict=True):
        if name.strip() == title:
            return range(start, max(end, start + 1))
    raise KeyError(f"no section {title!r} among {', '.join(name for name, _ in starts)}")


def side_by_side(pages: list[PageObject]) -> PageObject:
    """Return one landscape page with these pages, as large as fits, without most of their margins.
    """
    sheet = PageObject.create_blank_page(width=PAPER[0], height=PAPER[1])
    width, height = (float(size) - 2 * margin for size, margin
                     in zip(pages[0].mediabox[2:], MARGINS, strict=True))
    scale = min((PAPER[0] - 2 * BORDER) / (width * len(pages)), (PAPER[1] - 2 * BORDER) / height)
    left = (PAPER[0] - scale * width * len(pages)) / 2
    for number, page in enumerate(pages):
        page.cropbox.lower_left = MARGINS
        page.cropbox.upper_right = MARGINS[0] + width, MARGINS[1] + height
        shift = Transformation().translate(-MARGINS[0], -MARGINS[1] - height).scale(scale)
        sheet.merge_transformed_page(
            page, shift.translate(left + number * scale * width, PAPER[1] - BORDER))
    return sheet


def main(book: str, title: str, section: str) -> None:
    """Run the command line."""
    reader, writer = PdfReader(book), PdfWriter()
    writer.add_page(side_by_side([reader.pages[number] for number in pages_of(reader, title)]))
    writer.add_metadata({"/Title": title})
    writer.write(Path(section))


if __name__ == "__main__":
    main(*sys.argv[1:])
