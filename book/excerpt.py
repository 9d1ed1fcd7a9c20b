"""Write a section of the PDF as a file of its own.

    python book/excerpt.py BOOK.pdf "Title of the Section" SECTION.pdf
"""

from __future__ import annotations

import sys
from pathlib import Path

from pypdf import PdfReader, PdfWriter


def pages_of(reader: PdfReader, title: str) -> range:
    """Return the pages from a section's bookmark to the next one; KeyError if there is none."""
    starts = [(entry.title, reader.get_destination_page_number(entry)) for entry in reader.outline
              if not isinstance(entry, list)]
    for (name, start), (_, end) in zip(starts, [*starts[1:], ("", len(reader.pages))], strict=True):
        if name.strip() == title:
            return range(start, max(end, start + 1))
    raise KeyError(f"no section {title!r} among {', '.join(name for name, _ in starts)}")


def main(book: str, title: str, section: str) -> None:
    """Run the command line."""
    reader, writer = PdfReader(book), PdfWriter()
    for number in pages_of(reader, title):
        writer.add_page(reader.pages[number])
    writer.add_metadata({"/Title": title})
    writer.write(Path(section))


if __name__ == "__main__":
    main(*sys.argv[1:])
