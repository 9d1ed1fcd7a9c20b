"""Runs the laboratory's modules: in node, or where that is missing in the browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

from browsing import CHROMIUM_FLAGS
from built_book import require_program
from laboratory import EXPLORABLES, SCRIPTS, data_script
from playwright.sync_api import sync_playwright


def sources() -> list[str]:
    """Return all scripts of the laboratory with their data, in an order in which they can run."""
    names = dict.fromkeys(script for name, needs in EXPLORABLES.items()
                          for script in needs.scripts(name))
    return [data_script(name.removeprefix("data/").removesuffix(".js"))
            if name.startswith("data/") else (SCRIPTS / name).read_text(encoding="utf-8")
            for name in [*names, "frame.js"]]


def evaluate(function: str, argument: Any = None) -> Any:
    """Return what a JavaScript function makes of an argument, after all scripts of the lab."""
    inside = in_node if shutil.which("node") else in_browser
    return inside(function, argument)


def in_node(function: str, argument: Any) -> Any:
    """Run the function in node."""
    program = "\n".join([*sources(), f"const value = ({function})({json.dumps(argument)});",
                         "process.stdout.write(JSON.stringify(value));"])
    done = subprocess.run(["node", "-"], input=program, text=True, capture_output=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def in_browser(function: str, argument: Any) -> Any:
    """Run the function in Chromium."""
    program = require_program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        page = browser.new_page()
        for source in sources():
            page.add_script_tag(content=source)
        value = page.evaluate(f"text => JSON.stringify(({function})(JSON.parse(text)))",
                              json.dumps(argument))
        browser.close()
    return json.loads(value)
