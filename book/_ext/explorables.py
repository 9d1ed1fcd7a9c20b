"""Explorables: figures that answer in the web page, and stand still everywhere else.

    :::{explorable} halving
    :name: fig_lab_halving
    :alt: what is to be seen

    The caption.
    :::

This is a figure of `img/lab/halving.svg`. In a web page the laboratory's scripts put a picture
with controls into its place; `laboratory.py` knows which scripts and data each explorable needs.
"""

from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from files import write
from laboratory import EXPLORABLES, data_script
from sphinx.application import Sphinx
from sphinx.directives.patches import Figure
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

LAB = "lab"
FIRST = 800  # the scripts' priority: after those of the theme, in the order in which they are added


class Explorable(Figure, SphinxDirective):
    """A figure with the still image of an explorable, and a place for its live one."""

    option_spec: ClassVar[dict[str, Any]] = {
        name: Figure.option_spec[name] for name in ("name", "alt", "class")}

    def run(self) -> list[nodes.Node]:
        """Return the figure; an error for a name that the laboratory does not have."""
        [name] = self.arguments
        if name not in EXPLORABLES:
            raise self.error(f"there is no explorable {name!r}; there are "
                             f"{', '.join(EXPLORABLES)}")
        self.arguments = [f"/img/lab/{name}.svg"]
        made = super().run()
        for figure in made:
            if isinstance(figure, nodes.figure):
                figure["classes"].append("lab-explorable")
                for image in figure.findall(nodes.image):
                    image["loading"] = "lazy"  # a page whose scripts run needs no still image
                figure.insert(1, nodes.raw("", f'<div data-explorable="{name}"></div>',
                                           format="html"))
                self.env.metadata[self.env.docname].setdefault(LAB, []).append(name)
        return made


def load_scripts(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any],
                 doctree: nodes.document | None) -> None:
    """Let a page with explorables load their scripts and data, each once."""
    names = app.env.metadata[pagename].get(LAB, []) if doctree is not None else []
    if not names:
        return
    scripts = [script for name in names for script in EXPLORABLES[name].scripts(name)]
    for number, script in enumerate(dict.fromkeys([*scripts, "frame.js"])):
        if script.startswith("data/"):
            write(Path(app.outdir, "_static", LAB, script), data_script(Path(script).stem))
        app.add_js_file(f"{LAB}/{script}", priority=FIRST + number, loading_method="defer")
    app.add_css_file(f"{LAB}/lab.css", priority=FIRST)


def require_one_each(app: Sphinx, doctree: nodes.document) -> None:
    """Raise where a page has an explorable twice: a link to a setting could mean either."""
    names = app.env.metadata[app.env.docname].get(LAB, [])
    if len(names) != len(set(names)):
        raise ExtensionError(f"{app.env.docname}: an explorable stands twice among "
                             f"{', '.join(names)}; give a page each once")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("explorable", Explorable)
    app.connect("doctree-read", require_one_each)
    app.connect("html-page-context", load_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
