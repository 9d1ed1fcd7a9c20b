"""What all page tests share: the browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import CHROMIUM_FLAGS, WAIT_MS
from built_book import require_program
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the Chromium of this machine."""
    program = require_program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS,
                                             timeout=WAIT_MS)
        yield started
        started.close()
