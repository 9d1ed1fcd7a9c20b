"""The command that shows a search from its journal: `python -m d2l_hpo show search.jsonl`."""
import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from d2l_hpo.tuning.reading import JournaledSearch, read_journal
from d2l_hpo.tuning.summary import follow, one_line, summarize

INTERVAL = 0.5
"""Seconds between two looks at a journal that is followed."""
PAGE_SHARE = 10
"""A page that is followed is written again at the earliest after so many times what it took."""


class PageWriter:
    """Writes the page of a search that goes on, when it has changed and not too often."""

    def __init__(self, search: JournaledSearch, path: Path,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.search, self.path, self.clock = search, path, clock
        self.written = -1
        """Lines of the journal that the page is about."""
        self.next_time = -float("inf")

    def write(self, is_due: bool = True) -> None:
        """Write the page, where there is something new; not `is_due`: only if it is time."""
        begin = self.clock()
        if self.written == self.search.reader.lines or not (is_due or begin >= self.next_time):
            return
        from d2l_hpo.pages.page import search_page  # it loads pandas
        search_page(self.search, self.path)
        self.written, end = self.search.reader.lines, self.clock()
        self.next_time = end + PAGE_SHARE * (end - begin)


def pause() -> None:
    """Wait until a journal is looked at again."""
    time.sleep(INTERVAL)


def main(arguments: list[str] | None = None, wait: Callable[[], object] = pause) -> int:
    """Run the command line and return the exit status: 0, or 2 for a file that is no journal.

    With `--follow` it calls `wait` whenever it has shown all that there is.
    """
    parser = argparse.ArgumentParser(prog="python -m d2l_hpo", description="Look at a search.")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("show", help="show a finished or running search")
    command.add_argument("journal", type=Path, help="the file that the tuner writes")
    command.add_argument("--html", type=Path, metavar="FILE", help="write a page of pictures, too")
    command.add_argument("--follow", action="store_true",
                         help="go on until the search is over, or until Ctrl-C")
    options = parser.parse_args(arguments)
    try:
        _show(options.journal, options.html, options.follow, wait)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has read enough; Python would complain at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError) as error:
        print(f"{parser.prog} show: {_reason(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if not options.follow:
            raise
    return 0


def _show(journal: Path, html: Path | None, is_followed: bool,
          wait: Callable[[], object]) -> None:
    """Print a summary, write the page, and go on with each if the search is to be followed."""
    search = read_journal(journal)
    _write(summarize(search))
    page = None if html is None else PageWriter(search, html)
    if page is not None:
        page.write()
    if not is_followed:
        return

    def show_and_wait() -> None:
        if page is not None:
            page.write(is_due=False)
        wait()

    try:
        follow(search, _write, show_and_wait)
    finally:
        if page is not None:
            page.write()
    search.last_events.clear()
    _write(summarize(search))


def _write(text: str) -> None:
    """Print at once, with escapes for what the terminal's encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def _reason(error: OSError | ValueError) -> str:
    """Return on one line why a file cannot be shown."""
    if isinstance(error, OSError) and error.strerror:
        name = error.filename2 or error.filename or "standard output"
        return one_line(f"{name}: {error.strerror}")
    return one_line(str(error))
