"""A search in a few lines of text, and each of its events in one: what a terminal shows."""
import math
from collections.abc import Callable, Iterator
from typing import Any

from d2l_hpo.tools.words import count
from d2l_hpo.tuning.failures import last_line
from d2l_hpo.tuning.reading import JournaledSearch, level_noun
from d2l_hpo.tuning.reporting import spell_domain

STEPS = 6  # lines of the any-time curve
LONGEST = 200  # characters of a value


def value_on_one_line(value: Any) -> str:
    """Write a value on one line, without anything that a terminal would act upon."""
    text = f"{value:.6g}" if isinstance(value, float) else one_line(repr(value))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def one_line(text: str) -> str:
    """Return a text with escapes in place of line ends and of what cannot be printed."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def summarize(search: JournaledSearch) -> str:
    """Return some lines about a search that a journal holds, running or not.

    They say what is searched, how many trials there are and failed, which is the incumbent, how
    its error fell, and what happened last.
    """
    return "\n".join([*_head(search), *_incumbent(search), *_any_time(search), *_last(search)])


def _head(search: JournaledSearch) -> Iterator[str]:
    books, is_running = search.books, search.is_running
    state = ("running" if is_running else "not running") + f", {search.reader.lines} events"
    yield f"{one_line(search.path.name)}: {state}"
    about = search.description
    if about is None:
        yield "The search has not begun."
        return
    yield (f"{about.get('class', 'unknown scheduler')}, seed {about.get('seed')}, objective "
           f"{one_line(str(search.objective))}")
    for domain in about.get("space", []):
        yield f"  {one_line(spell_domain(domain))}"
    failed = {job.trial_id for job in books.jobs if job.status == "failed"}
    at_work = len(search.running)
    yield (f"Trials: {len(books.suggested)} suggested, {len(books.reported)} reported, "
           f"{len(failed)} failed, {at_work} {'at work' if is_running else 'interrupted'}")
    if books.jobs:
        workers = {job.worker for job in books.jobs}
        yield (f"Effort: {count(len(books.jobs), 'job')} on {count(len(workers), 'worker')}, "
               f"{books.elapsed:.1f} s")


def _incumbent(search: JournaledSearch) -> Iterator[str]:
    if search.incumbent is None:
        yield "Incumbent: none yet"
        return
    epochs = search.books.incumbent_epoch
    noun = level_noun(search.description or {})
    after = "" if epochs is None else f" after {count(epochs, *noun)}"
    yield f"Incumbent: trial {search.incumbent_trial}, error {search.incumbent_error:.6g}{after}"
    width = min(30, max(map(len, search.incumbent), default=0))
    for name, value in search.incumbent.items():
        yield f"  {one_line(name):{width}}  {value_on_one_line(value)}"


def _any_time(search: JournaledSearch) -> Iterator[str]:
    """Yield when the incumbent became better: the first and the last times."""
    steps, best = [], math.inf
    for job, error in zip(search.books.jobs, search.incumbent_trajectory, strict=True):
        if error < best:
            best = error
            steps.append(f"  {job.end:10.1f} s  {error:.6g}  (trial {job.trial_id})")
    if not steps:
        return
    yield f"The best error fell {count(len(steps), 'time')}:"
    if len(steps) > STEPS:
        yield from steps[:2]
        yield f"  ... {len(steps) - STEPS} more ..."
        yield from steps[-(STEPS - 2):]
    else:
        yield from steps


def _last(search: JournaledSearch) -> Iterator[str]:
    if search.last_events:
        yield "Last events:"
        noun = level_noun(search.description or {})[0]
        yield from (f"  {spell_event(event, noun)}" for event in search.last_events)


def follow(search: JournaledSearch, write: Callable[[str], object],
           wait: Callable[[], object]) -> None:
    """Write each new event of a search as a line, until no tuner runs it any more.

    `wait()` is called whenever everything up to now has been written.
    """
    while True:
        is_running = search.is_running  # asked first, so that the last events are not missed
        for event in search.new_events():
            write(spell_event(event, level_noun(search.description or {})[0]))
        if not is_running and not search.last_events:
            return
        wait()


def spell_event(event: dict[str, Any], noun: str = "epoch") -> str:
    """Write an event of a journal on one line; `noun` is what trials get more and more of."""
    kind = event["event"]
    if kind == "search":
        return "the search began"
    if kind == "suggested":
        trial = event["trial"]
        if trial is None:
            return "the scheduler had no trial"
        upto = "" if trial["max_epochs"] is None else f", up to {noun} {trial['max_epochs']}"
        values = ", ".join(f"{one_line(name)}={value_on_one_line(value)}"
                           for name, value in trial["config"].items())
        return f"trial {trial['trial_id']} suggested{upto}: {values}"
    if kind == "known":
        return f"made known: {count(len(event['trials']), 'trial')} of an earlier search"
    if kind == "stopped":
        return f"the rule {one_line(event['rule'])} ended the search"
    place = f"trial {event['trial_id']}"
    if kind == "reported":
        return (f"{event['end']:.1f} s: {place} reported error {event['error']:.6g} after {noun} "
                f"{event['reached']}")
    if kind == "started":
        return f"{event['start']:.1f} s: {place} started on worker {event['worker']}"
    if kind == "finished":
        return f"{event['end']:.1f} s: {place} finished, error {event['error']:.6g}"
    reason = last_line(event["traceback"])
    again = ", to be tried again" if event["retry"] else ""
    return f"{event['end']:.1f} s: {place} failed{again}: {one_line(reason)[:LONGEST]}"
