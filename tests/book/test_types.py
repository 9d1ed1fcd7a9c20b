"""What `make check` hands to the type checkers, and that they find what is wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path

import check_types
import pytest
from config import ROOT, BookError

WRONG = """
from d2l_hpo import BasicScheduler, HPOTuner, RandomSearcher

tuner = HPOTuner(BasicScheduler(RandomSearcher({"x": 1})), lambda config: 0.5)
tuner.run(number_of_trials="20")
"""


def test_programs_are_those_of_readme_and_tests() -> None:
    users, example = check_types.programs()
    assert users == ROOT / "tests" / "support" / "user_programs.py"
    assert example.read_text(encoding="utf-8") == check_types.readme_example()
    assert '"book/check_types.py")' in (ROOT / "book" / "make.py").read_text(encoding="utf-8")


def test_readme_without_an_example_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("```bash\nls\n```\n", encoding="utf-8")
    with pytest.raises(BookError, match="README.md has 0 blocks of Python code"):
        check_types.readme_example(tmp_path)


@pytest.mark.parametrize("checker", ["mypy", "basedpyright"])
def test_checkers_find_a_wrong_use(checker: str, tmp_path: Path) -> None:
    program = tmp_path / "wrong.py"
    program.write_text(WRONG, encoding="utf-8")
    [command] = [command for command in check_types.commands([program]) if checker in command]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    [found] = [line for line in done.stdout.splitlines() if "error" in line and "wrong.py" in line]
    assert "wrong.py:5:" in found and '"number_of_trials"' in found
