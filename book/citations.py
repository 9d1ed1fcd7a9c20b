"""Author and year of citations: in the pages, in the bibliography and in the notebooks."""

from __future__ import annotations

from pathlib import Path

from config import BookError
from pybtex.database import Entry, parse_file
from pybtex.plugin import find_plugin
from pybtex.richtext import Text
from pybtex.style.template import FieldIsMissing


def author_year(entry: Entry) -> tuple[str, str]:
    """Return, for example, `("Snoek et al.", "2012")`; BookError names what the entry lacks."""
    persons = entry.persons.get("author") or entry.persons.get("editor")
    if not persons:
        raise BookError(f"lib.bib: {entry.key} has neither author nor editor: add one")
    if "year" not in entry.fields:
        raise BookError(f"lib.bib: {entry.key} has no year: add one")
    names = [" ".join([*person.prelast_names, *person.last_names]) for person in persons]
    if len(names) > 2 or names[1:] == ["others"]:
        names = [f"{names[0]} et al."]
    return str(Text.from_latex(" and ".join(names))), entry.fields["year"]


class Bibliography:
    """The entries of a BibTeX file."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.entries = parse_file(path, "bibtex").entries if path.is_file() else {}

    def __getitem__(self, key: str) -> Entry:
        if key not in self.entries:
            raise BookError(f"{self.name} has no entry {key!r}")
        return self.entries[key]

    def references(self, keys: set[str]) -> str:
        """Return the entries of `keys` as a Markdown list, sorted by author."""
        style = find_plugin("pybtex.style.formatting", "plain")()
        backend = find_plugin("pybtex.backends", "markdown")("utf-8")
        try:
            formatted = list(style.format_entries([self[key] for key in sorted(keys)]))
        except FieldIsMissing as error:
            raise BookError(f"{self.name}: {error}") from error
        return "\n".join(f"- {' '.join(entry.text.render(backend).split())}"
                         for entry in formatted)
