"""The checkpoints of a search's trials: one file a trial, as long as it may be needed."""
import os
from collections.abc import Iterable
from pathlib import Path

from d2l_hpo.schedulers.scheduler import Trial
from d2l_hpo.tools.files import write_file
from d2l_hpo.tuning.records import Books


class Checkpoints:
    """Trial i has the file trial_i.pt as long as it may go on or is the incumbent.

    The incumbent's weights are those whose error is the incumbent's: if its trial goes on, they are
    in trial_i.best.pt until the trial has ended; then they become trial_i.pt. Without a folder
    there are no checkpoints, and nothing is done.
    """

    def __init__(self, folder: str | os.PathLike | None, books: Books) -> None:
        self.folder = None if folder is None else Path(folder).absolute()
        self.books = books
        self.restarted: set[int] = set()
        """Ids of pending or running trials that began at epoch 0 again."""
        self.dead: set[int] = set()
        """Ids of trials that never go on, whose checkpoints are still there."""

    def path(self, trial_id: int) -> Path:
        """Return the file of a trial."""
        return self._file(f"trial_{trial_id}.pt")

    def best_path(self, trial_id: int) -> Path:
        """Return the file of an incumbent whose trial has gone on."""
        return self._file(f"trial_{trial_id}.best.pt")

    def incumbent_path(self) -> Path | None:
        """Return the file with the incumbent's weights; None if there is none."""
        trial_id = self.books.incumbent_trial
        if self.folder is None or trial_id is None:
            return None
        paths = (self.best_path(trial_id), self.path(trial_id))
        return next((path for path in paths if path.exists()), None)

    def open(self) -> None:
        """Make the folder."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)

    def check(self) -> None:
        """Raise FileExistsError for a file of a trial that this search does not have."""
        if self.folder is None:
            return
        own = {path.name for trial_id in self.books.suggested
               for path in (self.path(trial_id), self.best_path(trial_id))}
        for path in self.folder.glob("trial_*.pt"):
            if path.name not in own:
                raise FileExistsError(f"{path} is of another search; give an empty checkpoint_dir")

    def begin(self, trial: Trial) -> int:
        """Return the epoch from which a trial goes on: 0 again if its checkpoint is missing."""
        if self.folder is None:
            return trial.epoch
        if trial.source is not None:
            self._copy(self.path(trial.source), self.path(trial.trial_id))
        if trial.epoch > 0:
            if not self.path(trial.trial_id).exists():
                self.restarted.add(trial.trial_id)
            elif (trial.trial_id, trial.epoch) == (self.books.incumbent_trial,
                                                   self.books.incumbent_epoch):
                self._copy(self.path(trial.trial_id), self.best_path(trial.trial_id))
        return 0 if trial.trial_id in self.restarted else trial.epoch

    def restart(self, trial_id: int) -> None:
        """Note that a trial has begun at epoch 0: its next attempt goes on from there."""
        self.restarted.add(trial_id)

    def end(self, trial_id: int) -> None:
        """Note that a trial has reported: if it goes on, it does so from its checkpoint."""
        self.restarted.discard(trial_id)

    def remove(self, ended: Iterable[int]) -> None:
        """Remove what is needed no more, now that these trials never go on, too."""
        self.dead.update(ended)
        if self.folder is None:
            return
        incumbent = self.books.incumbent_trial
        for path in self.folder.glob("trial_*.best.pt"):
            if incumbent is None or path != self.best_path(incumbent):
                path.unlink()
        if incumbent in self.dead and self.best_path(incumbent).exists():
            os.replace(self.best_path(incumbent), self.path(incumbent))
        needed = {incumbent, *(trial.source for trial in self.books.pending)}
        for trial_id in self.dead - needed:
            for path in self.folder.glob(f"trial_{trial_id}.pt*"):
                path.unlink()  # a half-written one, too
            self.dead.remove(trial_id)

    def _file(self, name: str) -> Path:
        if self.folder is None:
            raise ValueError("this search has no checkpoints; give the tuner a checkpoint_dir")
        return self.folder / name

    def _copy(self, source: Path, target: Path) -> None:
        """Copy a checkpoint in one step, unless it has been copied before."""
        if source.exists() and not target.exists():
            write_file(target, source.read_bytes())
