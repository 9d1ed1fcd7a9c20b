"""Going on from a journal: its events happen again, without training."""
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from d2l_hpo.tuning.known import Known, inform
from d2l_hpo.tuning.outcomes import Outcome
from d2l_hpo.tuning.records import Attempt, Books
from d2l_hpo.tuning.reporter import Report
from d2l_hpo.tuning.reports import settle_report

if TYPE_CHECKING:
    from d2l_hpo.tuning.journal import Journal
    from d2l_hpo.tuning.tuner import HPOTuner


def replay(tuner: "HPOTuner", journal: "Journal") -> None:
    """Repeat the events of the journal that this tuner has not seen; begin a new journal.

    ValueError for a journal of another search, and where the scheduler suggests another trial.
    """
    for place, event in journal.events():
        if event["event"] == "search":
            journal.check(event, tuner.scheduler, tuner.objective)
        elif event["event"] == "suggested":
            _suggest(tuner, journal, event, place)
        elif event["event"] == "started":
            _start(tuner, event)
        elif event["event"] == "known":
            inform(tuner, [Known(**trial) for trial in event["trials"]])
        elif event["event"] == "stopped":
            tuner.books.ended_by = event["rule"]
        elif event["event"] == "reported":
            _report(tuner, event, place)
        else:
            _end(tuner, event, place)
    if journal.lines == 0:
        journal.begin(tuner.scheduler, tuner.objective)
    tuner.checkpoints.remove(tuner.scheduler.ended())
    tuner.checkpoints.check()


def _suggest(tuner: "HPOTuner", journal: "Journal", event: dict[str, Any], place: str) -> None:
    """Let the scheduler suggest a trial; ValueError if it is not the one of the event."""
    trial = tuner.scheduler.suggest()
    different = journal.compare(event["trial"], None if trial is None else asdict(trial))
    if different:
        raise ValueError(f"{place}: the scheduler suggests another trial than in the journal "
                         f"({different}); give a fresh scheduler with the same settings")
    tuner.books.suggest(trial)


def _start(tuner: "HPOTuner", event: dict[str, Any]) -> None:
    """Note when an attempt began, and if at epoch 0 again: its successor goes on from there."""
    tuner.books.elapsed = max(tuner.books.elapsed, event["start"])
    tuner.books.begun.add(event["trial_id"])
    trial = next((t for t in tuner.books.pending if t.trial_id == event["trial_id"]), None)
    if event["epoch"] == 0 and trial is not None and trial.epoch > 0:
        tuner.checkpoints.restart(event["trial_id"])


def _report(tuner: "HPOTuner", event: dict[str, Any], place: str) -> None:
    """Record and report what a trial had reported while it was running."""
    attempt, report = report_of(tuner.books, event, place)
    settle_report(tuner, attempt, report, event["end"])


def _end(tuner: "HPOTuner", event: dict[str, Any], place: str) -> None:
    """Record and report, as an event says, how an attempt ended."""
    attempt, outcome = take_end(tuner.books, event, place)
    if outcome is not None:
        tuner.settle(attempt, outcome, event["end"])


def report_of(books: Books, event: dict[str, Any], place: str) -> tuple[Attempt, Report]:
    """Return the attempt and the report of an event; ValueError for a second one of an epoch."""
    attempt = attempt_of(books, event, place)
    report = Report(event["error"], event["reached"], event["info"])
    if report.epoch in books.curves.get(attempt.trial.trial_id, {}):
        raise ValueError(f"{place}: trial {attempt.trial.trial_id} reports epoch {report.epoch} "
                         "for the second time; restore the file from a copy")
    return attempt, report


def take_end(books: Books, event: dict[str, Any],
             place: str) -> tuple[Attempt, Outcome | None]:
    """Take the trial of an event `finished` or `failed` from the pending ones.

    Return its attempt and how it ended; None: it is tried again, and pending.
    """
    attempt = attempt_of(books, event, place)
    if event.get("retry"):
        books.lose(attempt, event["traceback"])
        return attempt, None
    books.pending.remove(attempt.trial)
    return attempt, Outcome(event.get("error", math.nan), event["info"], event.get("traceback"))


def attempt_of(books: Books, event: dict[str, Any], place: str) -> Attempt:
    """Return the attempt of an event; ValueError, with its place, if there can be none."""
    trial = next((t for t in books.pending if t.trial_id == event["trial_id"]), None)
    if trial is None:
        raise ValueError(f"{place}: trial {event['trial_id']} ended before it was suggested")
    attempt = books.attempt(trial, event["worker"], event["start"], event["epoch"])
    if attempt.number != event["attempt"]:
        raise ValueError(f"{place}: attempt {event['attempt']} ended, expected attempt "
                         f"{attempt.number}")
    attempt.can_report, attempt.last_epoch = "last_epoch" in event, event.get("last_epoch")
    return attempt
