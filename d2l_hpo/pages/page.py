"""One page about a search: a file without any other, which works without a network."""
import json
import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Union

from d2l_hpo.figures.colors import COLORS, DARK_SEQUENCE, SEQUENCE
from d2l_hpo.measures.importance import Importance
from d2l_hpo.pages.front import kept_rows
from d2l_hpo.pages.markup import ODD, escape, isolated, number, seconds, tag
from d2l_hpo.pages.pictures import curve_rows
from d2l_hpo.pages.sections import estimate_importance, sections
from d2l_hpo.pages.times import LAST_CLASSES, bar_rows, last_rows
from d2l_hpo.pages.trials import LEAST_SHOWN, MOST_SHOWN, SearchPicture
from d2l_hpo.tools.files import write_file
from d2l_hpo.tools.words import count
from d2l_hpo.tuning.sources import SearchView, view_search

if TYPE_CHECKING:
    import pandas as pd

    from d2l_hpo.tuning.reading import JournaledSearch
    from d2l_hpo.tuning.tuner import HPOTuner

MOST_BYTES = 500_000
"""Of a page; of a search that would need more, fewer trials are shown."""

Source = Union["HPOTuner", "JournaledSearch", "pd.DataFrame", str, os.PathLike]


def search_page(source: Source, path: str | os.PathLike = "search.html", title: str | None = None,
                report: str | None = None) -> Path:
    """Write pictures and tables of a search as one HTML page, and return its path.

    Arguments:

    - `source`: an `HPOTuner`, the table of its `records` or of a simulation's, the path of a
      journal, or what `read_journal` returned. A search may be running meanwhile.
    - `path`: the file to write; one that exists is replaced, in one step.
    - `title`: the page's; None: the name of the objective or of the journal.
    - `report`: what `search_report` returned, for the last section; None: its first rows, which
      need no new training.

    The page holds all that it needs and asks no other host or file for anything: the incumbent
    over time, the importance of the hyperparameters with intervals, errors by hyperparameter,
    pairs, parallel coordinates, learning curves, the Pareto front of a searcher of several
    objectives, workers, failures with their tracebacks, a table to sort, and the report. It can be
    read on a phone, in the dark, by keyboard and by screen readers. Without JavaScript only
    sorting, the switch of light and dark, and marking a trial in all pictures are missing.

    Of many trials, more than 1,000 or as many as 500 kB have room for, the table and dots show the
    best ones and as many of the others; all numbers are of all trials.

    TypeError for another source, ValueError for records that lack a column or hold what cannot be
    there and for a `path` that is the journal, the errors of `read_journal`, and FileNotFoundError
    where the file's folder is missing.

    >>> from tempfile import TemporaryDirectory
    >>> tuner = HPOTuner(BasicScheduler(RandomSearcher({"x": stats.uniform(0, 1)}, seed=0)),
    ...                  lambda config: (config["x"] - 0.5) ** 2)
    >>> tuner.run(number_of_trials=30)
    >>> with TemporaryDirectory() as folder:
    ...     page = search_page(tuner, f"{folder}/search.html").read_text(encoding="utf-8")
    >>> "Which hyperparameters matter?" in page, "http" in page
    (True, False)
    """
    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"{path.absolute().parent} does not exist; make the page's folder, "
                                "or give another path")
    for name, value in (("title", title), ("report", report)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} is {value!r}, expected a text")
    view = view_search(source)
    if view.path is not None and path.exists() and path.samefile(view.path):
        raise ValueError(f"{path} is the search's journal, which the page would replace; give "
                         "another path")
    write_file(path, page_text(view, title, report).encode())
    return path


def page_text(view: SearchView, title: str | None = None, report: str | None = None) -> str:
    """Return the page of a search as a text that can be written in UTF-8.

    Where it would be too large, fewer trials are shown.
    """
    picture, most = SearchPicture(view), MOST_SHOWN
    found = estimate_importance(picture)
    while True:
        text = _page_of(picture, title or _title(view), report, *found)
        size = len(text.encode())
        if size <= MOST_BYTES or most <= LEAST_SHOWN:
            return text
        most = max(LEAST_SHOWN, int(0.97 * MOST_BYTES / size * min(most, len(picture.shown))))
        picture.show(most)


def _page_of(picture: SearchPicture, title: str, report: str | None,
             importance: Importance | None, importance_words: str) -> str:
    """Return the page with the trials that the picture shows."""
    found = sections(picture, report, importance, importance_words)
    links = "".join(f'<li><a href="#{each.name}">{escape(each.question)}</a>'
                    for each in found)
    body = "".join(tag("section", tag("h2", escape(each.question), id=f"{each.name}-title"),
                       each.content, id=each.name, aria_labelledby=f"{each.name}-title")
                   for each in found)
    head = (f"<meta charset=utf-8><title>{escape(title)}</title>"
            '<meta name=viewport content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark"><link rel=icon href="data:,">'
            f"<style>{colours()}{_file('page.css')}</style>")
    top = tag("header", tag("h1", isolated(title)), tag("p", _lead(picture), class_="lead"),
              _tiles(picture), '<button type="button" id="mode" class="js" aria-pressed="false">'
              "Dark page</button>")
    contents = tag("nav", f"<ol>{links}</ol>", aria_label="Contents")
    script = f"<script>const rows = {_rows(picture)};\n{_file('page.js')}</script>"
    return (f'<!DOCTYPE html><html lang="en"><head>{head}</head><body>'
            f'<a class="skip" href="#main">To the pictures</a>{top}{contents}'
            f'<main id="main" tabindex="-1">{body}</main>{_marker(picture)}{script}'
            "</body></html>\n")


def colours() -> str:
    """Return the colours of both modes as variables of CSS, those of figures."""
    light = {"line": COLORS["random search"], "bad": COLORS["grid search"],
             "good": COLORS["Hyperband"], **{f"c{i}": colour for i, colour
                                             in enumerate(reversed(SEQUENCE))}}
    dark = {"line": COLORS["one epoch"], "bad": COLORS["Sobol search"],
            "good": COLORS["Hyperband"], **{f"c{i}": colour for i, colour
                                            in enumerate(reversed(DARK_SEQUENCE))}}
    return "".join([_mode(":root", light), _mode(":root[data-mode=dark]", dark),
                    "@media (prefers-color-scheme: dark){",
                    _mode(":root:not([data-mode=light])", dark), "}"])


def _mode(selector: str, values: dict[str, str]) -> str:
    return selector + "{" + "".join(f"--{key}:{value};" for key, value in values.items()) + "}"


def _file(name: str) -> str:
    return files("d2l_hpo.pages").joinpath(name).read_text(encoding="utf-8")


def _title(view: SearchView) -> str:
    estimator = (view.description or {}).get("estimator")  # of HPOSearchCV
    if estimator:
        return f"Search: {estimator['class']}"
    if view.objective:
        return f"Search: {view.objective}"
    return f"Search: {Path(view.path).name}" if view.path else "A search"


def _lead(picture: SearchPicture) -> str:
    """Return the page's first sentences: what was searched, and how."""
    view, about = picture.view, picture.view.description
    state = "It is running." if view.is_running else ""
    if about is None:
        words = escape(view.unknown)
    else:
        searcher = view.setting("searcher")
        which = isolated(about.get("class", "A scheduler")) + (
            f" with {isolated(searcher)}" if searcher else "")
        words = f"{which}, {count(len(picture.names), 'hyperparameter')}, seed {about.get('seed')}."
    return f"{words} {state}".strip()


def _tiles(picture: SearchPicture) -> str:
    """Return the few numbers that matter most."""
    view, jobs = picture.view, picture.view.jobs
    best = "none yet" if view.results.incumbent is None else number(view.results.incumbent_error)
    failed = sum(trial.failed for trial in picture.trials)
    tiles = {"best error": best, "trials": f"{len(picture.trials):,}", "failed": f"{failed:,}"}
    if jobs:
        tiles["time"] = seconds(max(job.end for job in jobs))
        tiles["workers"] = f"{max(job.worker for job in jobs) + 1:,}"
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value))
                       for name, value in tiles.items()), class_="tiles")


def _marker(picture: SearchPicture) -> str:
    """Return the bar at the bottom that follows one trial through all pictures."""
    if not picture.shown:
        return ""
    return ('<aside class="js marker" aria-label="One trial in all pictures">'
            '<label for="rank">Mark a trial, from the best to the worst</label>'
            f'<input type="range" id="rank" min="0" max="{len(picture.shown)}" value="0">'
            '<output for="rank">No trial is marked.</output></aside>')


def _rows(picture: SearchPicture) -> str:
    """Return, as JSON in a script, which trials the points of each path stand for."""
    lists = {**{name: last_rows(picture, name) for name in LAST_CLASSES}, **curve_rows(picture),
             "bars-done": bar_rows(picture, False), "bars-failed": bar_rows(picture, True),
             "failures": picture.failures(), "exceeding": picture.exceeding(),
             "kept": kept_rows(picture),
             **{f"levels{i}": rows for i, rows in enumerate(picture.level_classes())},
             **{f"errors{i}": rows for i, rows in enumerate(picture.error_classes())}}
    kept = {"lists": lists, "names": [ODD.sub("\ufffd", name) for name in picture.names]}
    return json.dumps(kept, separators=(",", ":")).replace("<", "\\u003c")
