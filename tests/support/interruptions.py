"""Searches that Ctrl-C is to stop."""
import pytest


def interrupted(search, **budget):
    """Run a search that Ctrl-C stops."""
    with pytest.raises(KeyboardInterrupt):
        search.run(**budget)
