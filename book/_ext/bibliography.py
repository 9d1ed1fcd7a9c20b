"""Author-year citations: the bibliography's labels read like the citations in the text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pybtex.plugin
import sphinxcontrib.bibtex.plugin
from pybtex.database import Entry
from pybtex.richtext import Text
from pybtex.style.formatting.unsrt import Style as UnsrtStyle
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

STYLE = "book_author_year"


def family_names(entry: Entry) -> list[str]:
    """Return the authors' (or editors') family names; `others` stands for those left out."""
    persons = entry.persons.get("author") or entry.persons.get("editor")
    if not persons:
        raise ValueError(f"lib.bib: {entry.key} has neither author nor editor: add one")
    return [" ".join(person.prelast_names + person.last_names) for person in persons]


def author_year(entry: Entry) -> str:
    """Return the label of an entry, such as `Snoek et al., 2012`."""
    names = family_names(entry)
    if "year" not in entry.fields:
        raise ValueError(f"lib.bib: {entry.key} has no year: add one")
    if len(names) == 2 and names[1] != "others":
        who = f"{names[0]} and {names[1]}"
    else:
        who = names[0] if len(names) == 1 else f"{names[0]} et al."
    return f"{Text.from_latex(who)}, {entry.fields['year']}"


class AuthorYearLabels(BaseLabelStyle):
    """Labels as the text cites: the first author, or both of two, and the year."""

    def format_labels(self, sorted_entries: list[Entry]) -> Iterator[str]:
        return map(author_year, sorted_entries)


class AuthorYearStyle(UnsrtStyle):
    """Entries sorted by author and year, under author-year labels."""

    default_sorting_style = "author_year_title"
    default_label_style = AuthorYearLabels


def round_brackets() -> BracketStyle:
    """Return the brackets around a citation, and the separator between two."""
    return BracketStyle(left="(", right=")", sep="; ")


@dataclass
class RoundAuthorYear(AuthorYearReferenceStyle):
    """Citations in round brackets: `(Snoek et al., 2012)`, `Snoek et al. (2012)`."""

    bracket_textual: BracketStyle = field(default_factory=round_brackets)
    bracket_parenthetical: BracketStyle = field(default_factory=round_brackets)


def setup(app: Sphinx) -> dict[str, Any]:
    pybtex.plugin.register_plugin("pybtex.style.formatting", STYLE, AuthorYearStyle)
    sphinxcontrib.bibtex.plugin.register_plugin(
        "sphinxcontrib.bibtex.style.referencing", STYLE, RoundAuthorYear
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
