"""Marks of tests that need what only some systems have."""

from __future__ import annotations

import pytest

from d2l_hpo.tools.platform import IS_WINDOWS

posix_only = pytest.mark.skipif(IS_WINDOWS, reason="signals, groups of processes, limits: POSIX's")
