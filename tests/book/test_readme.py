"""README.md's example, run as a reader runs it: as a script, in another folder, a new process."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import make
import pytest
from check_types import readme_example
from config import ROOT
from scripts import run_and_listen

README = (ROOT / "README.md").read_text(encoding="utf-8")
OPTION = re.compile(r"^    # (\w+=.+?,)  +# (.+)$", re.MULTILINE)


def run(code: str, folder: Path) -> list[str]:
    """Run `code` as a script in `folder`; return the lines that it printed. It warns of nothing."""
    lines, said = run_and_listen(code, folder)
    assert "Warning" not in said, said
    return lines


def incumbent(lines: list[str]) -> tuple[dict, float]:
    """Return configuration and error of the line that the example prints first."""
    config, error = re.fullmatch(r"(\{.*\}) (.*)", lines[0]).groups()
    return ast.literal_eval(config), float(error)


def test_example_runs_as_printed(tmp_path: Path) -> None:
    lines = run(readme_example(), tmp_path)
    config, error = incumbent(lines)
    assert error == (config["x"] - 0.3) ** 2 < 0.01
    assert lines[1].split() == ["trial_id", "config", "error"]
    assert [line.split()[0] for line in lines[2:]] == ["45", "46", "47", "48", "49"]
    assert {path.name for path in tmp_path.iterdir()} == {"example.py"}


def test_example_does_what_its_comments_say(tmp_path: Path) -> None:
    alone = incumbent(run(readme_example(), tmp_path))
    options = OPTION.findall(readme_example())
    assert [option for option, _ in options] == ["n_workers=4,", 'journal="search.jsonl",']
    assert [comment.split()[0] for _, comment in options] == ["on", "survives"]
    code = OPTION.sub(r"    \1", readme_example()).replace("n_workers=4", "n_workers=2")
    assert incumbent(run(code, tmp_path)) == alone
    events = [json.loads(line) for line in (tmp_path / "search.jsonl").open(encoding="utf-8")]
    finished = [event for event in events if event["event"] == "finished"]
    assert len(finished) == 50 and {event["worker"] for event in finished} == {0, 1}
    assert incumbent(run(code, tmp_path)) == alone  # the same script goes on where it ended
    assert len((tmp_path / "search.jsonl").read_text(encoding="utf-8").splitlines()) == len(events)


def test_list_of_needs_holds_what_is_run() -> None:
    """On Debian, Python's standard library lacks `venv` unless its package is installed."""
    needs = " ".join(README[README.index("need only"):README.index("Two cores")].split())
    assert "Python 3.11 or newer, `make`, and pip" in needs and make.NEWER == (3, 11)
    assert '"-m", "venv"' in (ROOT / "book" / "make.py").read_text(encoding="utf-8")
    assert "`apt-get install python3 python3-venv make`" in needs


@pytest.mark.skipif(sys.platform == "win32", reason="the command is for Linux")
def test_a_slim_debian_gets_what_the_readme_names() -> None:
    """The command that tries the README in another Debian reads from it what is installed there."""
    script = (ROOT / "tests" / "elsewhere" / "debian.sh").read_text(encoding="utf-8")
    reading = next(line for line in script.splitlines() if line.startswith("needs="))
    found = subprocess.run(["bash", "-c", f"{reading}; echo $needs"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split()
    assert found == ["python3", "python3-venv", "make"]
