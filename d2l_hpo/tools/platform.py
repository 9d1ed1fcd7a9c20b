"""What differs between Linux, macOS and Windows: every such call of the package stands here."""
import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

IS_WINDOWS = os.name == "nt"

BINARY = getattr(os, "O_BINARY", 0)
"""Flag of `os.open` for a file whose line ends stay as they are; only Windows changes them."""

TRIES = 40
"""How often Windows is asked for a file that another program has open, such as a virus scanner."""

PAUSE = 0.05
"""Seconds between two of these tries."""


def lead_group() -> None:
    """Make this process the leader of a group, which programs that it starts belong to.

    Windows has no such groups; there `kill_group` follows who started whom.
    """
    if not IS_WINDOWS:
        os.setsid()


def kill_group(leader: int) -> None:
    """Kill a process that leads a group, and all that it started; nothing if all have ended."""
    if IS_WINDOWS:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(leader)], check=False,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return
    with contextlib.suppress(ProcessLookupError):  # not a leader yet, or all have ended
        os.killpg(leader, signal.SIGKILL)


def sync_folder(folder: Path) -> None:
    """Wait until a new file's name, an entry of its folder, is on disk.

    Windows cannot open a folder, and writes its entries by itself.
    """
    if IS_WINDOWS:
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_held_lock(path: str | os.PathLike) -> None:
    """Remove a lock's file while nobody else can hold it; Windows does so at its release."""
    if not IS_WINDOWS:
        Path(path).unlink(missing_ok=True)


def replace(source: str | os.PathLike, target: str | os.PathLike) -> None:
    """Give a file another's place in one step; on Windows wait while a program has one open.

    PermissionError if it stays open.
    """
    _patiently(lambda: os.replace(source, target))


def remove(path: str | os.PathLike) -> None:
    """Remove a file; on Windows wait while a program has it open.

    PermissionError if it stays open, FileNotFoundError if there is none.
    """
    _patiently(lambda: os.unlink(path))


def shell_quoted(word: str) -> str:
    """Return a word of a command as the system's shell reads it, with spaces or without."""
    return subprocess.list2cmdline([word]) if IS_WINDOWS else shlex.quote(word)


def _patiently(change: Callable[[], None]) -> None:
    for _ in range(TRIES - 1 if IS_WINDOWS else 0):
        with contextlib.suppress(PermissionError):
            return change()
        time.sleep(PAUSE)
    change()
