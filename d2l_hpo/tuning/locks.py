"""Locks: only one tuner at a time uses a journal, or a folder of checkpoints."""
import contextlib
import os

from filelock import FileLock, Timeout

from d2l_hpo.tools.platform import remove_held_lock
from d2l_hpo.tuning.guard import leave_new_process


PROBED = 0.3  # seconds in which a lock is tried for: who asks whether it is held has it that long


class TunerLock:
    """The lock of what only one tuner at a time may use. A tuner that holds it may lock it again.

    Its file is there only meanwhile. The system frees it when a process ends, however it ends.

    - `path`: the lock's file.
    - `used`: what it stands for, as messages name it.
    """

    def __init__(self, path: str | os.PathLike, used: str | os.PathLike) -> None:
        self.used, self.file = used, FileLock(path)

    def __reduce__(self) -> tuple:
        """A copy, as of a tuner that is pickled, does not hold the lock."""
        return type(self), (self.file.lock_file, self.used)

    def acquire(self) -> None:
        """Lock; RuntimeError if another tuner uses it."""
        try:
            self.file.acquire(timeout=PROBED)
        except Timeout:
            leave_new_process()
            raise RuntimeError(f"{self.used} is in use by another tuner that is still running; "
                               "wait for it or stop it") from None

    def release(self) -> None:
        """Unlock, as often as it was locked.

        A file that cannot be removed is left, since it locks nothing by itself.
        """
        if self.file.lock_counter == 1:
            with contextlib.suppress(OSError):
                remove_held_lock(self.file.lock_file)
        self.file.release()
