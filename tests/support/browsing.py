"""The browser of the page tests: how it starts, how long it may take, and the rules of axe-core."""

from __future__ import annotations

import functools
from importlib.resources import files

from playwright.sync_api import Page

CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]
WAIT_MS = 600_000
"""Milliseconds after which a test gives up waiting for the browser."""

ANIMATIONS_END = """() => Promise.allSettled(document.getAnimations()
    .filter(({playState, effect}) =>
        playState === "running" && effect.getComputedTiming().endTime !== Infinity)
    .map(animation => animation.finished))"""


@functools.cache
def axe() -> str:
    """Return the rules of axe-core, as a script."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """Return what axe-core objects to: the rule, how bad it is, and where."""
    page.evaluate(ANIMATIONS_END)  # colours on their way from light to dark have no contrast
    page.evaluate(axe())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{rule['id']} ({rule['impact']}): {node['html'][:200]} {node['target']}"
            for rule in found for node in rule["nodes"]]
