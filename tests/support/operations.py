"""How much Python does: calls and lines, which are the same in every run, as seconds are not."""
import sys


def operations(function, *arguments):
    """Call a function; return how many lines, turns of loops and calls of Python it took."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += 1
        return trace
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return count
