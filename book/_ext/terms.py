"""Terms of the glossary: where a page first uses one, a link that shows its meaning on hover."""

import re
from functools import cache
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

GLOSSARY = "glossary"
UNLINKED = (nodes.reference, nodes.literal, nodes.title, nodes.caption, nodes.table, nodes.math,
            addnodes.pending_xref)


@cache
def read_terms(env: BuildEnvironment) -> dict[str, tuple[str, str]]:
    """Return what the glossary defines: term -> (its label, its meaning as plain text)."""
    found = {}
    for item in env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
        term, meaning = item[0], item[-1].astext()
        found[term.astext().lower()] = term["ids"][0], " ".join(meaning.split())
    return found


@cache
def pattern_of(terms: frozenset[str]) -> re.Pattern[str]:
    """Return the expression that finds terms as whole words, in the singular or the plural."""
    longest_first = sorted(terms, key=lambda term: (-len(term), term))
    return re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, longest_first))})(?:e?s)?(?![\w-])",
                      re.IGNORECASE)


def link_terms(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link the first use of each term in the paragraphs of a web page."""
    if app.builder.format != "html" or page == GLOSSARY or GLOSSARY not in app.env.found_docs:
        return
    terms = dict(read_terms(app.env))
    pattern = pattern_of(frozenset(terms))
    uri = app.builder.get_relative_uri(page, GLOSSARY)
    for paragraph in doctree.findall(nodes.paragraph):
        if _within(paragraph, (nodes.caption, nodes.table, nodes.legend)):
            continue
        for text in list(paragraph.findall(nodes.Text)):
            if terms and not _within(text, UNLINKED):
                _link(text, pattern, terms, uri)


def _within(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    """Whether a node stands inside one of such a kind."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


def _link(text: nodes.Text, pattern: re.Pattern[str], terms: dict[str, tuple[str, str]],
          uri: str) -> None:
    """Replace the first uses in a piece of text by links; what was linked leaves `terms`."""
    words, start, parts = text.astext(), 0, []
    for match in pattern.finditer(words):
        if (term := match[1].lower()) not in terms:
            continue
        label, meaning = terms.pop(term)
        parts += [nodes.Text(words[start:match.start()]),
                  nodes.reference("", match[0], internal=True, refuri=f"{uri}#{label}",
                                  reftitle=meaning, classes=["term"])]
        start = match.end()
    if parts:
        text.parent.replace(text, [*parts, nodes.Text(words[start:])])


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", link_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
