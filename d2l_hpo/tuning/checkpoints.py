"""The checkpoints of a search's trials: one file a trial, as long as it may be needed."""
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from d2l_hpo.schedulers.scheduler import Trial
from d2l_hpo.tools.files import write_file
from d2l_hpo.tools.platform import remove, replace
from d2l_hpo.tuning.records import Books

if TYPE_CHECKING:
    from d2l_hpo.tuning.locks import TunerLock

NAME = re.compile(r"trial_(0|[1-9]\d*)(\.epoch_(?:0|[1-9]\d*))?\.pt(\.(?:[^.]+\.)?partial)?")
LOCK = ".search.lock"
LOOKS = 16
"""Files that are looked through, at most about so many a trial that has ended."""


def check_path(name: str, path: Any) -> Path:
    """Return a path; TypeError, with the argument's name, for anything else."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name} is {path!r}, expected a path, or None")
    return Path(path)


class TrialFile(NamedTuple):
    """A file of a trial: its checkpoint or a copy of it, or what a kill left half-written of one.
    """

    path: Path
    trial_id: int
    is_copy: bool
    is_partial: bool


class Checkpoints:
    """Trial i has the file trial_i.pt as long as it may go on or is the incumbent.

    The incumbent's weights are those whose error is the incumbent's: if its trial goes on from
    epoch e, they are in trial_i.epoch_e.pt until the trial has ended; then they become trial_i.pt.
    So an objective saves its checkpoint before it reports.
    `with checkpoints:` locks the folder, so that no other search uses it meanwhile.
    Without a folder there are no checkpoints, and nothing is done.
    """

    def __init__(self, folder: str | os.PathLike | None, books: Books) -> None:
        given = None if folder is None else check_path("checkpoint_dir", folder)
        self.folder = None if given is None else given.absolute()
        self.books = books
        self.lock: TunerLock | None = None
        self.restarted: set[int] = set()
        """Ids of pending or running trials that began at epoch 0 again."""
        self.forgotten: set[int] = set()
        """Ids of trials that have begun again without the checkpoint that was there."""
        self.dead: set[int] = set()
        """Ids of trials that never go on, whose checkpoints are still there."""
        self.half_written: set[int] = set()
        """Ids of trials whose checkpoints are removed, of which half-written ones may be there."""
        self.number_of_files = 0
        """In the folder, when it was looked through last."""
        self.lost: tuple[int | None, int | None] | None = None
        """An incumbent, trial and epoch, whose file vanished before its trial went on."""
        self.torn: set[int] = set()
        """Ids of trials of which the folder had half-written files when the search began."""
        self.swept: tuple[int | None, int | None] | None = None
        """The incumbent for which the copies of others have been removed."""

    def path(self, trial_id: int) -> Path:
        """Return the file of a trial."""
        return self._file(f"trial_{trial_id}.pt")

    def best_path(self, trial_id: int, epoch: int | None) -> Path:
        """Return the file of an incumbent whose trial has gone on from that epoch."""
        return self._file(f"trial_{trial_id}.epoch_{epoch}.pt")

    def incumbent_path(self) -> Path | None:
        """Return the file with the incumbent's weights; None if there is none."""
        trial_id, epoch = self._incumbent()
        if self.folder is None or trial_id is None:
            return None
        paths = [self.best_path(trial_id, epoch)]
        if (trial_id, epoch) != self.lost:
            paths.append(self.path(trial_id))
        return next((path for path in paths if path.exists()), None)

    def open(self) -> None:
        """Make the folder."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Checkpoints":
        """Lock the folder, if it can be written to; RuntimeError if another tuner uses it."""
        if self.folder is not None and os.access(self.folder, os.W_OK):
            if self.lock is None:
                from d2l_hpo.tuning.locks import TunerLock  # it loads locks of files
                self.lock = TunerLock(self.folder / LOCK, self.folder)
            self.lock.acquire()
        return self

    def __exit__(self, *exception: object) -> None:
        """Remove what is left of trials that never go on; unlock the folder."""
        try:
            self._sweep()
        finally:
            if self.lock is not None:
                self.lock.release()

    def check(self) -> None:
        """Raise FileExistsError for a file of a trial that this search does not have."""
        if self.folder is None:
            return
        for file in self._files(self.folder):
            if file.is_partial:
                self.torn.add(file.trial_id)
            elif file.trial_id not in self.books.suggested:
                raise FileExistsError(f"{file.path} is of another search; give an empty "
                                      "checkpoint_dir")

    def begin(self, trial: Trial) -> int:
        """Return the epoch from which a trial goes on: 0 again if there is no checkpoint."""
        if self.folder is None:
            return 0
        if trial.trial_id in self.torn or trial.trial_id in self.books.begun:
            for path in self.folder.glob(f"trial_{trial.trial_id}.pt.*.partial"):
                path.unlink(missing_ok=True)  # of an attempt that was killed while it saved
        if trial.source is not None:
            self._copy(self.path(trial.source), self.path(trial.trial_id))
        if trial.epoch > 0:
            self._keep(trial.trial_id, trial.epoch)
        if self.books.incumbent_epoch != trial.epoch:
            self.keep(trial.trial_id)
        return 0 if trial.trial_id in self.restarted else trial.epoch

    def remains(self, trial_id: int) -> bool:
        """Say whether an attempt at a trial that came to no end has left a checkpoint."""
        return (self.folder is not None and trial_id in self.books.begun
                and trial_id not in self.forgotten and self.path(trial_id).exists())

    def forget(self, trial_id: int) -> None:
        """Remove what an attempt that came to no end has left: the next one goes on without it."""
        self.forgotten.add(trial_id)
        self.path(trial_id).unlink(missing_ok=True)

    def keep(self, trial_id: int) -> None:
        """Copy the file of a running trial whose report has made it the incumbent."""
        if self.folder is not None and trial_id == self.books.incumbent_trial:
            self._copy(self.path(trial_id), self.best_path(trial_id, self.books.incumbent_epoch))
            self._remove_copies(self.folder)

    def restart(self, trial_id: int) -> None:
        """Note that a trial has begun at epoch 0: its next attempt goes on from there."""
        self.restarted.add(trial_id)
        if trial_id == self.books.incumbent_trial:
            self.lost = self._incumbent()

    def end(self, trial_id: int) -> None:
        """Note that a trial has reported: if it goes on, it does so from its checkpoint."""
        self.restarted.discard(trial_id)
        self.forgotten.discard(trial_id)

    def remove(self, ended: Iterable[int]) -> None:
        """Remove what is needed no more, now that these trials never go on, too.

        For what a kill or an objective has left half-written the folder is looked through, not for
        each trial where it has many files, and when the search ends.
        """
        if self.folder is None:
            return
        self.dead.update(ended)
        sources = {trial.source for trial in self.books.pending}
        self._remove_copies(self.folder)
        best, epoch = self._incumbent()
        if best is not None and best in self.dead - sources:
            if self.best_path(best, epoch).exists():
                replace(self.best_path(best, epoch), self.path(best))
        needless = self.dead - sources - {best}
        for trial_id in needless:
            if self.path(trial_id).is_file():
                remove(self.path(trial_id))
        self.dead -= needless
        self.half_written |= needless
        if LOOKS * len(self.half_written) >= self.number_of_files:
            self._sweep()

    def clean(self) -> list[Path]:
        """Remove all files of this search's trials but the incumbent's; return their paths.

        RuntimeError where a trial has not ended, which may go on from one of them.
        """
        running = [attempt.trial for attempt in self.books.running.values()]
        if trials := [trial.trial_id for trial in [*running, *self.books.pending]]:
            raise RuntimeError(f"trial {trials[0]} has not ended; run the search to its end before "
                               "its checkpoints are removed")
        kept, folder = self.incumbent_path(), self.folder
        needless = [] if folder is None else [
            file.path for file in self._files(folder)
            if file.trial_id in self.books.suggested and file.path != kept]
        for path in needless:
            remove(path)
        return needless

    def _sweep(self) -> None:
        """Remove half-written files of trials whose checkpoints are removed."""
        if self.folder is None or not self.half_written:
            return
        files = self._files(self.folder)
        for file in files:
            if file.trial_id in self.half_written and not file.is_copy:
                remove(file.path)
        self.half_written, self.number_of_files = set(), len(files)

    def _incumbent(self) -> tuple[int | None, int | None]:
        """Return the incumbent's trial and the epoch of its error."""
        return self.books.incumbent_trial, self.books.incumbent_epoch

    def _keep(self, trial_id: int, epoch: int) -> None:
        """Copy the file of an incumbent that goes on; if it vanished, its copy takes its place."""
        own, copy = self.path(trial_id), self.best_path(trial_id, epoch)
        if not own.exists():
            self._copy(copy, own)
        if not own.exists():
            self.restart(trial_id)
        elif (trial_id, epoch) == self._incumbent() and trial_id not in self.restarted:
            self._copy(own, copy)

    def _remove_copies(self, folder: Path) -> None:
        """Remove copies of what is no longer the incumbent."""
        trial_id, epoch = self._incumbent()
        if (trial_id, epoch) == self.swept:
            return
        for file in self._files(folder):
            if file.is_copy and (trial_id is None
                                 or file.path != self.best_path(trial_id, epoch)):
                remove(file.path)
        self.swept = trial_id, epoch

    @staticmethod
    def _files(folder: Path) -> list[TrialFile]:
        """Return the files of trials, by their names; whatever else is there is not ours."""
        found = ((path, NAME.fullmatch(path.name)) for path in sorted(folder.iterdir()))
        return [TrialFile(path, int(name[1]), name[2] is not None, name[3] is not None)
                for path, name in found if name is not None and path.is_file()]

    def _file(self, name: str) -> Path:
        if self.folder is None:
            raise ValueError("this search has no checkpoints; give the tuner a checkpoint_dir")
        return self.folder / name

    def _copy(self, source: Path, target: Path) -> None:
        """Copy a checkpoint in one step, unless it has been copied before."""
        if source.exists() and not target.exists():
            write_file(target, source.read_bytes())
