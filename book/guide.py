"""The guide: a page a recipe, made of a script that runs as it stands and a few lines around it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from config import BookConfig, BookError
from files import read_source
from reference import LABEL, PACKAGE

LINES = 60
PARTS = ("**You want**", "```python\n", "**Expect.**", "**What can go wrong.**", "**Explained**")
HEAD = re.compile(r"\((?P<label>\w+)\)=\n# (?P<title>\S.*)\n\n\*\*You want\*\* (?P<wish>.+?)\n\n",
                  re.DOTALL)
SCRIPT = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\{(numref|ref|py:obj)\}`~?(?:[^`<]*<)?([^`>]+)>?`")


@dataclass(frozen=True)
class Recipe:
    """A page of the guide."""

    name: str
    title: str
    wish: str
    """What a reader wants who needs it: the sentence after "You want"."""
    script: str
    """A complete program."""
    modules: list[str]
    """What the script imports beyond what the package needs."""
    text: str
    """The whole page."""

    @property
    def page(self) -> str:
        """The page's name in the book, without its ending."""
        return f"guide-{self.name}"

    @property
    def label(self) -> str:
        """By which other pages refer to it."""
        return label(self.name)


def label(name: str) -> str:
    """Return the label of a recipe."""
    return f"guide_{name.replace('-', '_')}"


def read_recipes(config: BookConfig) -> list[Recipe]:
    """Return the recipes in their order; BookError for a page that is not as all others are."""
    paths = {name: config.guide_folder / f"{name}.md" for name in config.guide}
    if missing := [path.name for path in paths.values() if not path.is_file()]:
        raise BookError(f"[guide] of config.ini lists recipes without a file in guide/: "
                        f"{', '.join(missing)}")
    if extra := sorted({*config.guide_folder.glob("*.md")} - {*paths.values()}):
        raise BookError("guide/ holds files that [guide] of config.ini does not list: "
                        f"{', '.join(path.name for path in extra)}")
    found = [_read(name, path, config.guide[name]) for name, path in paths.items()]
    targets = {name for path in config.section_paths()
               for name in LABEL.findall(read_source(path))}
    targets |= {recipe.label for recipe in found}
    targets |= {f"{PACKAGE}.{name}" for names in config.public.values() for name in names}
    for recipe in found:
        _check_links(recipe, targets)
    return found


def _read(name: str, path: Path, modules: list[str]) -> Recipe:
    """Return the recipe at `path`; BookError unless it has all parts, in their order, and is short.
    """
    text = read_source(path)
    head, scripts = HEAD.match(text), SCRIPT.findall(text)
    if head is None or head["label"] != label(name):
        raise BookError(f"guide/{path.name} does not begin with ({label(name)})=, a line with "
                        "`# ` and a title, an empty line, and a paragraph with **You want**")
    if len(scripts) != 1:
        raise BookError(f"guide/{path.name} has {len(scripts)} blocks of Python code, expected one "
                        "script")
    places = [text.find(part) for part in PARTS]
    if min(places) < 0 or places != sorted(places):
        wanted = ", ".join(part.strip() for part in PARTS)
        raise BookError(f"guide/{path.name} lacks a part, or has another order than {wanted}")
    if (lines := text.count("\n")) > LINES:
        raise BookError(f"guide/{path.name} has {lines} lines; a recipe has at most {LINES}")
    return Recipe(name, head["title"], " ".join(head["wish"].split()), scripts[0], modules, text)


def _check_links(recipe: Recipe, targets: set[str]) -> None:
    """Raise BookError for a link that leads nowhere, or if a section or the reference has none."""
    links = LINK.findall(recipe.text)
    if wrong := sorted({target for _, target in links} - targets):
        raise BookError(f"guide/{recipe.name}.md refers to {', '.join(wrong)}, which is no label "
                        f"of a section or recipe, and no public name ({PACKAGE}.NAME)")
    ending = LINK.findall(recipe.text[recipe.text.index(PARTS[-1]):])
    if not any(target.startswith("sec_") for _, target in ending) or "py:obj" not in dict(ending):
        raise BookError(f"guide/{recipe.name}.md does not say behind {PARTS[-1]} in which section, "
                        "and by which public names")


def guide_pages(config: BookConfig) -> dict[str, str]:
    """Return page -> MyST Markdown: the list of recipes, and each recipe; {} without recipes."""
    recipes = read_recipes(config)
    if not recipes:
        return {}
    rows = [f"* {{doc}}`{recipe.title} <{recipe.page}>`. You want {recipe.wish}"
            for recipe in recipes]
    toctree = ["```{toctree}", ":hidden:", "", *(recipe.page for recipe in recipes), "```"]
    overview = "\n".join([
        "(sec_guide)=", "# Guide", "",
        f"What you want, a complete script, and what can go wrong: {len(recipes)} short pages for "
        "those who use the package at work. Save a script to a file, under a name that no library "
        "has, and run it with `python`; then put your own objective and space in place of ours. "
        "Commands that install an extra are run in a clone of this book.",
        "", *rows, "", *toctree, ""])
    return {"guide": overview, **{recipe.page: recipe.text for recipe in recipes}}
