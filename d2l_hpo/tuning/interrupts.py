"""Ctrl-C at the right moments only."""
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class CtrlC:
    """Inside `with`, holds Ctrl-C back, except inside `with self.allowed()`.

    So it cannot come between two steps that belong together, such as a line of the journal and
    what it announces. In threads other than the main one, which Python never interrupts, it does
    nothing.
    """

    def __init__(self) -> None:
        self.is_allowed = False
        self.was_pressed = False
        self.is_entered = False
        self.previous: Callable[[int, FrameType | None], Any] | None = None

    def __reduce__(self) -> tuple:
        """A copy, as of a tuner that is pickled, holds nothing back."""
        return type(self), ()

    def __enter__(self) -> "CtrlC":
        if self.is_entered:
            raise RuntimeError("this tuner is running already; give a search inside its search, or "
                               "in another thread, a tuner of its own")
        self.is_entered = True
        self.is_allowed = self.was_pressed = False
        handler = signal.getsignal(signal.SIGINT)
        is_main = threading.current_thread() is threading.main_thread()
        self.previous = handler if is_main and callable(handler) else None
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.handle)
        return self

    def __exit__(self, *exception: object) -> None:
        self.is_entered = False
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.previous)
            if self.was_pressed:
                signal.raise_signal(signal.SIGINT)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Pass Ctrl-C on where it is allowed, else remember it."""
        if self.is_allowed and self.previous is not None:
            self.previous(number, frame)
        else:
            self.was_pressed = True

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let Ctrl-C through, also one that was held back before."""
        try:
            self.is_allowed = True
            if self.was_pressed:
                self.was_pressed = False
                raise KeyboardInterrupt
            yield
        finally:
            self.is_allowed = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside a call where Ctrl-C is allowed, hold it back again; then let it through."""
        was_allowed, self.is_allowed = self.is_allowed, False
        try:
            yield
        finally:
            self.is_allowed = was_allowed
        if was_allowed and self.was_pressed:
            self.was_pressed = False
            raise KeyboardInterrupt
