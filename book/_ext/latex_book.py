"""The book as one LaTeX document: its order, its numbers, its exercises, its bibliography."""

from typing import Any

from docutils import nodes
from sphinx import addnodes
from question_nodes import answer
from sphinx.application import Sphinx
from sphinx.builders.latex.nodes import thebibliography
from sphinx.writers.latex import LaTeXTranslator
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node, solution_node
from sphinx_exercise.utils import get_node_number


def raw_latex(code: str) -> nodes.raw:
    """Return a node that writes `code` into the LaTeX output."""
    return nodes.raw("", code, format="latex")


def outer_files(doctree: nodes.document) -> list[addnodes.start_of_file]:
    """Return the sections' documents, in order, without those inside another one."""
    files = list(doctree.findall(addnodes.start_of_file))
    inner = {id(inside) for file in files for inside in file.findall(addnodes.start_of_file)
             if inside is not file}
    return [file for file in files if id(file) not in inner]


def hoist_sections(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the sections after the start page's text, numbered as in the HTML pages.

    A table of contents below a heading would otherwise make every section a part of that heading.
    """
    if app.builder.name != "latex" or docname != app.config.root_doc:
        return
    book = next(doctree.findall(nodes.section))
    files = outer_files(doctree)
    for file in files:
        file.parent.remove(file)
    book.insert(1, raw_latex(r"\booknewpage\bookunnumbered"))
    for file in files:
        numbered = bool(app.env.toc_secnumbers.get(file["docname"]))
        book += raw_latex(r"\booknewpage" + (r"\booknumbered" if numbered else r"\bookunnumbered"))
        book += file


def place_bibliography(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Move the entries from the document's end into the section that lists them."""
    if app.builder.name != "latex":
        return
    for bibliography in list(doctree.findall(thebibliography)):
        home = bibliography[0]["docname"]
        for file in doctree.findall(addnodes.start_of_file):
            if file["docname"] == home:
                bibliography.parent.remove(bibliography)
                next(file.findall(nodes.section)).append(bibliography)


def collect_solutions(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Move answers and solutions into appendices, so that nobody reads them by accident."""
    if app.builder.name != "latex" or docname != app.config.root_doc:
        return
    for title, kind in (("Answers to the Questions", answer), ("Solutions", solution_node)):
        appendix = nodes.section("", nodes.title("", title), ids=[nodes.make_id(title)])
        for file in outer_files(doctree):
            appendix += _collected(file, kind, f"{appendix['ids'][0]}-{file['docname']}")
        if len(appendix) > 1:  # before the bibliography, which ends the book
            book = next(doctree.findall(nodes.section))
            place = book.index(outer_files(doctree)[-1]) - 1
            book.insert(place, [raw_latex(r"\booknewpage\bookunnumbered"), appendix])


def _collected(file: addnodes.start_of_file, kind: type[nodes.Element],
               label: str) -> list[nodes.section]:
    """Take the nodes of a kind out of a section; return them under its title, if it has any."""
    found = list(file.findall(kind))
    if not found:
        return []
    title = next(file.findall(nodes.title)).astext()
    part = nodes.section("", nodes.title("", title), ids=[label])
    for node in found:
        node.parent.remove(node)
        node["docname"] = file["docname"]
        for reference in [*node.findall(nodes.reference), *node.findall(addnodes.number_reference)]:
            if "refid" in reference:  # a place in this section, which the node leaves
                reference["refuri"] = f"%{file['docname']}#{reference['refid']}"
                del reference["refid"]
        part += node
    return [part]


def list_cards(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Write a grid of cards as a list whose items begin with the cards' titles, as links."""
    if app.builder.name != "latex":
        return
    for grid in [found for found in doctree.findall(nodes.container)
                 if found.get("design_component") == "grid-container"]:
        cards = [found for found in grid.findall(nodes.container)
                 if found.get("design_component") == "card"]
        grid.replace_self(nodes.bullet_list("", *map(card_item, cards)))


def card_item(card: nodes.container) -> nodes.list_item:
    """Return a card as an item of a list."""
    [title] = [found.astext() for found in card.findall(nodes.container)
               if found.get("design_component") == "card-title"]
    [link] = card.findall(nodes.reference)
    first, *others = card.findall(nodes.paragraph)
    head = nodes.reference("", "", nodes.strong("", f"{title}."), **link.attributes)
    return nodes.list_item("", nodes.paragraph("", "", head, nodes.Text(" "), *first.children),
                           *others)


def visit_exercise(self: LaTeXTranslator, node: nodes.Element) -> None:
    """Open an exercise, with a label that prints its number where the text refers to it."""
    label = node["label"]
    if isinstance(node, exercise_enumerable_node):
        number = get_node_number(self.builder.app, node, "exercise")
        self.body.append(f"\n\\phantomsection\\bookcurrentlabel{{{number}}}")
    self.body.append(f"\\label{{exercise:{label}}}")
    self.body.append(f"\\label{{\\detokenize{{{self.curfilestack[-1]}:{label}}}}}%\n")
    self.body.append("\\begin{bookexercise}")


def depart_exercise(self: LaTeXTranslator, node: nodes.Element) -> None:
    """Close an exercise."""
    self.body.append("\\end{bookexercise}\n")


def visit_solution(self: LaTeXTranslator, node: nodes.Element) -> None:
    """Open a solution, which stands in the appendix."""
    self.body.append(
        f"\n\\phantomsection\\label{{\\detokenize{{{node['docname']}:{node['label']}}}}}%\n"
        "\\begin{booksolution}"
    )


def depart_solution(self: LaTeXTranslator, node: nodes.Element) -> None:
    """Close a solution."""
    self.body.append("\\end{booksolution}\n")


def use_own_environments(app: Sphinx) -> None:
    """Replace sphinx-exercise's LaTeX output, whose exercise numbers print as `??`."""
    handlers = app.registry.translation_handlers["latex"]
    for node in (exercise_node, exercise_enumerable_node):
        handlers[node.__name__] = (visit_exercise, depart_exercise)
    handlers[solution_node.__name__] = (visit_solution, depart_solution)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", use_own_environments)
    app.connect("doctree-resolved", hoist_sections)
    app.connect("doctree-resolved", place_bibliography)
    app.connect("doctree-resolved", collect_solutions)
    app.connect("doctree-resolved", list_cards)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
