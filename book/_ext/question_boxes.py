"""Questions on the pages: options that unfold, without a script; in the PDF, answers at the end."""

from __future__ import annotations

from typing import Any

from config import BookError
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from latex_book import outer_files
from question_nodes import answer, option_reason, option_text, question, question_option
from questions import Option, read_question
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator
from sphinx.writers.latex import LaTeXTranslator


class QuestionDirective(SphinxDirective):
    """A question with options, each of which explains itself; see `questions.py`."""

    has_content = True
    option_spec = dict.fromkeys(("label", "kind", "value", "check"), directives.unchanged) | {
        "several": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Return the question's node."""
        try:
            read = read_question(self.options, "\n".join(self.content))
        except BookError as error:
            raise self.error(str(error)) from error
        right = " and ".join(item.letter for item in read.options if item.right)
        made = question("", *self._parsed(read.text), ids=[nodes.make_id(read.label)],
                        title=read.title, right=right)
        made += [nodes.paragraph("", read.hint)] if read.hint else []
        made += [self._option(item) for item in read.options]
        self.set_source_info(made)
        return [made]

    def _parsed(self, text: str) -> list[nodes.Node]:
        holder = nodes.Element()
        self.state.nested_parse(StringList(text.split("\n"), self.get_source_info()[0]),
                                self.content_offset, holder)
        return holder.children

    def _option(self, option: Option) -> question_option:
        said, reason = self._parsed(option.text), self._parsed(option.explanation)
        if len(said) > 1 or not isinstance(said[0], nodes.paragraph):
            raise self.error(f"option {option.letter} is more than one paragraph")
        verdict = nodes.strong("", option.verdict)
        if isinstance(reason[0], nodes.paragraph):
            reason[0][:0] = [verdict, nodes.Text(" ")]
        else:
            reason.insert(0, nodes.paragraph("", "", verdict))
        return question_option("", option_text("", "", *said[0].children),
                               option_reason("", *reason, right=option.right),
                               letter=option.letter)


def number_questions(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Give the questions of each section numbers: 3.1, 3.2 ... in the third one."""
    files = outer_files(doctree) if app.builder.format == "latex" else []
    for name, part in [(file["docname"], file) for file in files] or [(page, doctree)]:
        section = app.env.toc_secnumbers.get(name, {}).get("", ())
        for place, found in enumerate(part.findall(question), 1):
            found["number"] = ".".join(map(str, [*section, place]))


def collect_answers(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """In the PDF, take the reasons out of the questions; the appendix shows them."""
    if app.builder.format != "latex":
        return
    for found in list(doctree.findall(question)):
        reply = answer("", number=found["number"], right=found["right"], label=found["ids"][0])
        for option in found.findall(question_option):
            [reason] = option.findall(option_reason)
            option.remove(reason)
            reply += question_option("", reason, letter=option["letter"])
        place = found.parent.index(found)
        found.parent.insert(place + 1, reply)


# Web pages


def html_question(self: HTML5Translator, node: question) -> None:
    """Open the box of a question."""
    [label] = node["ids"]
    self.body.append(f'<div class="question" id="{label}" role="group" '
                     f'aria-labelledby="{label}-title"><p class="question-title" '
                     f'id="{label}-title">Question {node["number"]}. {node["title"]}</p>\n')


def html_option(self: HTML5Translator, node: question_option) -> None:
    """Open an option that unfolds."""
    self.body.append('<details class="question-option"><summary>'
                     f'<span class="letter">{node["letter"]}</span> <span>')


def html_reason(self: HTML5Translator, node: option_reason) -> None:
    """Open what unfolds; its first word says whether the option is right."""
    self.body.append(f'<div class="reason {"right" if node["right"] else "wrong"}">\n')


def html_close(tags: str) -> Any:
    """Return a function that closes an element."""
    return lambda self, node: self.body.append(f"{tags}\n")


# The PDF


def latex_question(self: LaTeXTranslator, node: question) -> None:
    """Open a question; its options are a list with letters."""
    [label] = node["ids"]
    self.body.append(f"\n\\begin{{bookquestion}}{{Question {node['number']}. {node['title']}}}"
                     f"{{answer:{label}}}%\n\\label{{question:{label}}}%\n")


def latex_option(self: LaTeXTranslator, node: question_option) -> None:
    """Begin an option, or in an answer the reason of one."""
    self.body.append(f"\n\\bookoption{{{node['letter']}}}\n")


def latex_answer(self: LaTeXTranslator, node: answer) -> None:
    """Open an answer, which stands in the appendix."""
    self.body.append(f"\n\\begin{{bookanswer}}{{Answer to question {node['number']}: "
                     f"{node['right']}}}{{answer:{node['label']}}}%\n")


def latex_close(environment: str) -> Any:
    """Return a function that closes an environment."""
    return lambda self, node: self.body.append(f"\\end{{{environment}}}\n")


def nothing(self: Any, node: nodes.Element) -> None:
    """Write nothing."""


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("question", QuestionDirective)
    app.add_node(question, html=(html_question, html_close("</div>")),
                 latex=(latex_question, latex_close("bookquestion")))
    app.add_node(question_option, html=(html_option, html_close("</details>")),
                 latex=(latex_option, nothing))
    app.add_node(option_text, html=(nothing, html_close("</span></summary>")),
                 latex=(nothing, nothing))
    app.add_node(option_reason, html=(html_reason, html_close("</div>")), latex=(nothing, nothing))
    app.add_node(answer, html=(nothing, nothing), latex=(latex_answer, latex_close("bookanswer")))
    app.connect("doctree-resolved", number_questions, priority=400)
    app.connect("doctree-resolved", collect_answers, priority=410)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
