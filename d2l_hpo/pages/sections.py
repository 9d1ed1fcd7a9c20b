"""The sections of a page: each asks a question, and answers it with words, pictures and tables."""
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from d2l_hpo.measures.importance import (
    FEWEST_TRIALS, LEVEL, Importance, hyperparameter_importance,
)
from d2l_hpo.measures.records import Job
from d2l_hpo.pages import front, pictures, times
from d2l_hpo.pages.axes import Axis
from d2l_hpo.pages.markup import escape, isolated, listed, number, seconds, spell_short, tag
from d2l_hpo.pages.trials import SearchPicture, TrialRow
from d2l_hpo.tools.installation import install_command
from d2l_hpo.tools.words import count
from d2l_hpo.tuning.reporting import report_rows

MOST_TRACEBACKS = 20
MOST_CHARACTERS = 4000  # of a traceback
MOST_NUMBERS = 4  # columns of further numbers in the table
MOST_COLUMNS = 12  # hyperparameters in the table, and with pictures of their own
FEWEST_AT_LEVEL = 30
LEAST_EXPLAINED = 0.1


class Section(NamedTuple):
    """A question, a name for links, and markup that answers it."""

    question: str
    name: str
    content: str


def sections(picture: SearchPicture, report: str | None, importance: Importance | None,
             importance_words: str) -> list[Section]:
    """Return the sections that a search has something to say to, in the order of the page.

    `importance` and its words are what `estimate_importance` returned.
    """
    if not picture.trials:
        return [Section("What is searched?", "report", _report(picture, report))]
    found = [Section("How good is the best so far?", "best", _best(picture))]
    if picture.errors.size and picture.names:
        bars = "" if importance is None else pictures.importance_bars(picture.names, importance)
        found += [Section("Which hyperparameters matter?", "importance",
                          _beside(bars, importance_words) if bars else importance_words),
                  Section("Where are the good values?", "values", _values(picture))]
        if len(picture.names) > 1:
            found += [Section("Do two hyperparameters work together?", "pairs",
                              _pairs(picture, importance)),
                      Section("What do the best trials have in common?", "parallel",
                              _parallel(picture))]
    if any(len(trial.reports) > 1 for trial in picture.trials) and any(
            e is not None for trial in picture.trials for e, _ in trial.reports):
        found.append(Section(f"How do errors fall with more {picture.level_noun[1]}?", "curves",
                             _curves(picture)))
    if len(picture.view.objectives) > 1 and picture.errors.size:
        found.append(Section("What does a better trial cost?", "front", _front(picture)))
    found.append(Section("Were the workers busy?", "workers", _timeline(picture)))
    found.append(Section("What went wrong?", "failures", _failures(picture)))
    found.append(Section("Which trials were run?", "trials", _trials(picture)))
    found.append(Section("What does the report say?", "report", _report(picture, report)))
    return found


def _paragraph(*sentences: str) -> str:
    words = " ".join(filter(None, sentences))
    return tag("p", words) if words else ""


def _grid(charts: Iterable[str]) -> str:
    return tag("div", *charts, class_="grid")


def _beside(first: str, second: str) -> str:
    """Put two things beside each other where there is room."""
    return tag("div", first, tag("div", second), class_="beside")


def _pairs_list(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names with their values, as a list."""
    return tag("dl", *(tag("div", tag("dt", isolated(name)), tag("dd", isolated(value)))
                       for name, value in pairs), class_="values")


def _report_list(rows: Mapping[str, str]) -> str:
    """Return the rows of a report, in which names of hyperparameters stand in backticks."""
    return _pairs_list((name, value.replace("`", "") if name == "space" else value)
                       for name, value in rows.items())


def _best(picture: SearchPicture) -> str:
    results, view = picture.view.results, picture.view
    marks = (_exceeding_words(picture), _cross_words(trial.last for trial in picture.shown))
    if results.incumbent is None:
        words = ("All trials failed, so there is no best one." if not picture.errors.size else
                 f"No trial can be the best yet: {_why_not_best(picture)}.")
        return _paragraph(words, *marks) + times.any_time(picture)
    epochs = view.results.books.incumbent_epoch
    after = "" if epochs is None else f" after {picture.level_words(epochs)}"
    words = (f"Trial {results.incumbent_trial} is the incumbent: its error is "
             f"<strong>{escape(number(results.incumbent_error))}</strong>{after}. "
             "The line is the incumbent's error so far; a dot is "
             + ("a trial's last report." if picture.has_reports else "a trial."))
    if _has_better(picture):
        words += f" Dots below the line cannot be the best: {_why_not_best(picture)}."
    values = _pairs_list((name, spell_short(value)) for name, value in results.incumbent.items())
    return _paragraph(words, *marks) + _beside(times.any_time(picture),
                                               tag("h3", "The best configuration") + values)


def _has_better(picture: SearchPicture) -> bool:
    """Say whether a trial's last report kept the limits and lies below the incumbent's line."""
    view = picture.view
    lasts = {job.trial_id: (job, best) for job, best in
             zip(view.jobs, view.results.incumbent_trajectory, strict=True)}
    return any(job.error < best < math.inf and not picture.exceeds(job)
               for job, best in lasts.values())


def _why_not_best(picture: SearchPicture) -> str:
    """Say why trials with an error may not be the best."""
    folds = picture.view.setting("folds")
    reasons = [f"not all {folds} folds have an error"] if folds is not None else []
    reasons += ["a limit was not kept"] if picture.limits else []
    return " or ".join(reasons) or "the scheduler says so"


def _exceeding_words(picture: SearchPicture, marks: str = "Small grey dots") -> str:
    """Explain the marks of trials that exceed a limit, where there are any."""
    if not any(map(picture.exceeds, picture.view.jobs)):
        return ""
    limits = listed(f"{isolated(name)} below {number(limit)}"
                    for name, limit in picture.limits.items())
    return f"{marks} cannot be the best: they did not keep {limits}."


def _cross_words(jobs: Iterable[Job]) -> str:
    """Explain the crosses, where there are any."""
    return "" if all(math.isfinite(job.error) for job in jobs) else "A cross is a failure."


def _failed_words(picture: SearchPicture) -> str:
    """Explain the crosses in pictures with one mark a trial."""
    return _cross_words(picture.shown[i].last for i in picture.failures())


def estimate_importance(picture: SearchPicture) -> tuple[Importance | None, str]:
    """Return the total effects of the hyperparameters, or None, and markup that explains them."""
    if not picture.names:
        return None, ""
    trials, level = _compared(picture)
    points = np.array([[_place(picture.axes[name], trial, name) for name in picture.names]
                       for trial, _ in trials]).reshape(-1, len(picture.names))
    try:
        found = hyperparameter_importance(points, [error for _, error in trials])
    except ImportError:
        return None, tag("p", "This needs scikit-learn, which is not installed; run: "
                         f"<code>{escape(install_command('sklearn'))}</code>")
    at = "" if level is None else f" after {picture.level_words(level)}"
    if found is None:
        return None, tag("p", "Too little is known to say: "
                         f"{count(len(trials), 'trial')} with an error{at}, and it takes at least "
                         f"{max(FEWEST_TRIALS, 4 * len(picture.names))} with different errors.")
    if found.explained < LEAST_EXPLAINED:
        return None, tag("p", "No hyperparameter stands out. A random forest of "
                         f"{count(len(trials), 'trial')} explains {max(found.explained, 0):.0%} "
                         "of the ranks of errors that it has not seen, too little to divide "
                         "between hyperparameters.")
    order = np.argsort(-found.mean, kind="stable").tolist()
    first = f"<strong>{isolated(picture.names[order[0]])}</strong>"
    is_clear = len(order) == 1 or found.low[order[0]] > found.high[order[1]]
    words = (f"{first} matters most." if is_clear else
             f"{first} has the largest effect, but the intervals overlap.")
    method = (f"A bar is the total effect on the ranks of the errors{at}: the part of their "
              "variation that would go if all other hyperparameters were fixed. Bars of "
              "hyperparameters that work together add up to more than 1. The effects are those of "
              f"a random forest of {count(len(trials), 'trial')}, which explains "
              f"{found.explained:.0%} of the variation of trials that it has not seen. Thin lines "
              f"are {LEVEL:.0%} bootstrap intervals over the trials. All of it describes the "
              "trials that were run: where a searcher looked at a part of the space only, it is "
              "about that part.")
    return found, tag("p", words) + tag("p", method, class_="small")


def _compared(picture: SearchPicture) -> tuple[list[tuple[TrialRow, float]], int | None]:
    """Return the trials with an error at one number of epochs, that error, and the number.

    It is the largest that enough trials reached, or else the one that most trials reached.
    """
    if not picture.is_multi_fidelity:
        return [(t, t.error) for t in picture.trials if math.isfinite(t.error)], None
    at: dict[int, list[tuple[TrialRow, float]]] = {}
    for trial in picture.trials:
        for epochs, error in {e: error for e, error in trial.reports if e is not None}.items():
            at.setdefault(epochs, []).append((trial, error))
    if not at:
        return [], None
    enough = [e for e, trials in at.items()
              if len(trials) >= max(FEWEST_AT_LEVEL, 4 * len(picture.names))]
    level = max(enough) if enough else max(at, key=lambda e: (len(at[e]), e))
    return at[level], level


def _place(axis: Axis, trial: TrialRow, name: str) -> float:
    """Return a value's place on its axis, nan where there is none."""
    place = axis.place(trial.config[name]) if name in trial.config else None
    return math.nan if place is None else place


def _values(picture: SearchPicture) -> str:
    shown = picture.names[:MOST_COLUMNS]
    left_out = len(picture.names) - len(shown)
    words = ["A dot is a trial."]
    if len(picture.levels) > 1:
        few = f"from few {picture.level_noun[1]} to many"
        words.append(f"Shades run {_shades_words(few)}.")
    words += [_exceeding_words(picture), _failed_words(picture)]
    if left_out:
        words.append(f"The first {MOST_COLUMNS} hyperparameters are drawn; "
                     f"{count(left_out, 'further one')} stand in the configurations.")
    if picture.above:
        words.append(times.above_words(picture.above, picture.errors))
    return _paragraph(*words) + _grid(pictures.error_by(picture, name) for name in shown)


def _shades_words(what: str) -> str:
    bars = "".join(f'<i class="swatch c{i}"></i>' for i in range(6))
    return f'{what} <span class="swatches" aria-hidden="true">{bars}</span>'


def _pairs(picture: SearchPicture, importance: Importance | None) -> str:
    names = pictures.paired_names(picture, importance)
    which = ""
    if len(names) < len(picture.names):
        which = (f"These are the {len(names)} hyperparameters that matter most."
                 if importance is not None else f"These are the first {len(names)}.")
    shades = _shades_words("from the worst sixth to the best")
    return (_paragraph(f"A dot is a trial, shaded {shades}.", _exceeding_words(picture),
                       _failed_words(picture), which)
            + _grid(pictures.pairs(picture, names)))


def _parallel(picture: SearchPicture) -> str:
    return _paragraph("A line is a trial, from its first hyperparameter down to its error, shaded "
                      f"{_shades_words('from the worst sixth to the best')}. Where the lines of "
                      "the best come together, a value matters.",
                      _exceeding_words(picture, "Grey lines")) + pictures.parallel(picture)


def _curves(picture: SearchPicture) -> str:
    reached = sum(trial.epochs == max(picture.levels) for trial in picture.trials
                  if math.isfinite(trial.error)) if picture.levels else 0
    most, curves = max(picture.levels, default=0), pictures.curve_rows(picture)
    return _paragraph(f"A line is a trial. {count(reached, 'trial')} of {len(picture.trials):,} "
                      f"went on to {picture.level_words(most)}.",
                      "A dot is a trial with one report." if curves["curve-dots"] else ""
                      ) + pictures.learning_curves(picture)


def _front(picture: SearchPicture) -> str:
    names, rows = picture.view.objectives, front.front_rows(picture)
    if not rows:
        kept = " and keeps the limits" if picture.limits else ""
        return _paragraph(f"No trial has all of {listed(map(isolated, names))}{kept}.",
                          _exceeding_words(picture)) + _grid(front.fronts(picture))
    shown = rows[:20]
    head = tag("tr", tag("th", "Trial", scope="col"),
               *(tag("th", isolated(name), scope="col") for name in names),
               tag("th", "Configuration", scope="col"))
    body = [tag("tr", tag("th", str(trial.trial_id), scope="row"),
                *(tag("td", number(value)) for value in front.objective_values(trial, names)),
                tag("td", isolated(spell_config(trial.config)))) for trial in shown]
    more = f" The table has the first {len(shown)}." if len(shown) < len(rows) else ""
    verb = "is" if len(rows) == 1 else "are"
    of = "trial that keeps the limits" if picture.limits else "trial"
    return (_paragraph(f"{count(len(rows), 'trial')} {verb} on the Pareto front of "
                       f"{listed(map(isolated, names))}: no other {of} is better in all of them."
                       + more, _exceeding_words(picture))
            + _grid(front.fronts(picture))
            + _scrolled("The Pareto front", tag("table", tag("caption", "The Pareto front"),
                                                tag("thead", head), tag("tbody", *body))))


def spell_config(config: dict[str, Any]) -> str:
    """Write a configuration on one line."""
    return ", ".join(f"{name} = {spell_short(value, 60)}" for name, value in config.items())


def _scrolled(label: str, table: str) -> str:
    """Put a table where it can be moved sideways, by keyboard, too."""
    return tag("div", table, class_="scrolled", role="region", tabindex="0", aria_label=label)


def _timeline(picture: SearchPicture) -> str:
    jobs = picture.view.jobs
    workers = max(job.worker for job in jobs) + 1
    end = max(job.end for job in jobs)
    work = sum(max(job.end - job.start, 0) for job in jobs)
    part = f"{work / (workers * end):.0%}" if end > 0 else "all"
    words = [f"{count(workers, 'worker')} ran {count(len(jobs), 'job')} in {seconds(end)} and "
             f"{'was' if workers == 1 else 'were'} busy {part} of the time. A bar is a job"
             f"{', or several of a trial without a pause' if picture.has_reports else ''}."]
    if any(job.status == "failed" for job in jobs):
        words.append("Jobs that failed have another colour.")
    running = picture.view.running
    if running:
        names = listed([f"trial {i}" for i in sorted(running)][:10])
        verb = "are running" if picture.view.is_running else "did not end"
        words.append(f"{count(len(running), 'trial')} {verb}: {names}"
                     f"{' and others' if len(running) > 10 else ''}.")
    return _paragraph(*words) + times.timeline(picture)


def _failures(picture: SearchPicture) -> str:
    failed = [job for job in picture.view.jobs if job.status == "failed"]
    if not failed:
        return _paragraph("Nothing: no trial failed.")
    # one reason, whatever numbers its message holds
    kinds: dict[str, list[Job]] = {}
    for job in failed:
        lines = (job.traceback or "").strip().splitlines() or ["no traceback"]
        kinds.setdefault(re.sub(r"[\d.]+", "…", lines[-1]), []).append(job)
    ordered = sorted(kinds.items(), key=lambda item: -len(item[1]))
    parts = [tag("details", tag("summary", tag("span", f"{len(jobs)}×", class_="times"), " ",
                                isolated(spell_short(reason, 300))), _traceback(jobs))
             for reason, jobs in ordered[:MOST_TRACEBACKS]]
    more = len(ordered) - MOST_TRACEBACKS
    last = f"{count(more, 'further reason')} are not shown." if more > 0 else ""
    trials = len({job.trial_id for job in failed})
    return (_paragraph(f"{count(trials, 'trial')} of {len(picture.trials):,} failed, for "
                       f"{count(len(ordered), 'reason')}.")
            + "".join(parts) + _paragraph(last))


def _traceback(jobs: list[Job]) -> str:
    """Return the trials that failed for a reason, and the traceback of the last of them."""
    job = jobs[-1]
    trials = list(dict.fromkeys(str(each.trial_id) for each in jobs))
    which = listed(trials) if len(trials) <= 12 else f"{', '.join(trials[:12])} and others"
    text = job.traceback or "no traceback"
    if len(text) > MOST_CHARACTERS:
        text = (f"{text[:MOST_CHARACTERS // 4]}\n... {len(text) - MOST_CHARACTERS:,} characters "
                f"are left out ...\n{text[-3 * MOST_CHARACTERS // 4:]}")
    config = isolated(spell_config(job.config))
    return (_paragraph(f"{'Trial' if len(trials) == 1 else 'Trials'} {which}. The last one, with "
                       f"{config}:")
            + tag("pre", escape(text), tabindex="0", role="region",
                  aria_label=f"Traceback of trial {job.trial_id}"))


def _trials(picture: SearchPicture) -> str:
    names = picture.names[:MOST_COLUMNS]
    numbers = list(dict.fromkeys(name for trial in picture.shown for name in trial.numbers))
    numbers = numbers[:MOST_NUMBERS]
    heads = ["trial", "error", *([picture.level_noun[1]] if picture.levels else []), "status",
             *(["limits"] if picture.limits else []), "seconds", *names, *numbers]
    head = "".join('<th scope="col" aria-sort="none"><button type="button">'
                   f"{isolated(name)}</button>" for name in heads)
    rows = "".join(_row(trial, i, picture, names, numbers) for i, trial in enumerate(picture.shown))
    words = [f"{count(len(picture.shown), 'trial')}, in the order in which they ended."]
    if len(picture.shown) < len(picture.trials):
        words = [f"{len(picture.shown):,} of {len(picture.trials):,} trials: the best "
                 f"{len(picture.shown) // 2} and evenly many of the others. Dots and lines stand "
                 "for these; numbers and the line of the best are of all trials."]
    words.append('<span class="js">A heading sorts the table; a trial’s number marks it in all '
                 "pictures.</span>")
    table = ("<table class=sortable><caption>Trials</caption><thead><tr>" + head
             + "</thead><tbody>" + rows + "</tbody></table>")
    return _paragraph(*words) + _scrolled("Trials", table)


def _row(trial: TrialRow, place: int, picture: SearchPicture, names: list[str],
         numbers: list[str]) -> str:
    """Return a row of the table, in few characters: HTML lets the ends of cells out."""
    cells = [number(trial.error)]
    if picture.levels:
        cells.append("–" if trial.epochs is None else str(trial.epochs))
    cells.append(escape(spell_short("failed" if trial.failed else trial.last.status, 30)))
    if picture.limits:
        cells.append("–" if not trial.reports else
                     "kept" if picture.may_be_best(trial) else "not kept")
    cells.append(number(sum(max(job.end - job.start, 0.0) for job in trial.jobs)))
    cells += [escape(spell_short(trial.config[name], 40)) if name in trial.config else "–"
              for name in names]
    values = trial.numbers
    cells += [number(values[name]) if name in values else "–" for name in numbers]
    return (f"<tr><th scope=row>{trial.trial_id}"
            + "".join(f"<td>{cell}" for cell in cells))


def _report(picture: SearchPicture, report: str | None) -> str:
    view = picture.view
    if report is not None:
        lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in report.strip().splitlines()]
        rows = {line[0].strip(): line[1].strip().replace(r"\|", "|") for line in lines[2:]
                if len(line) == 2}
        if not rows:
            return tag("pre", escape(report), tabindex="0", role="region", aria_label="Report")
        return _report_list(rows)
    rows = report_rows(view.results, view.description) if view.jobs else (
        {} if view.description is None else
        {key: value for key, value in report_rows(view.results, view.description).items()
         if key in ("space", "method")})
    unknown = escape(view.unknown) if view.description is None else ""
    open_ = ("Not there yet: errors of the incumbent trained anew, and the test error, which is "
             "looked at once. <code>search_report</code> adds both.")
    return _paragraph(unknown) + _report_list(rows) + _paragraph(open_)
