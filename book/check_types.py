"""Check the types of the package, and of programs as users write them: mypy, then pyright.

    python book/check_types.py

mypy reads all of d2l_hpo and the programs, pyright (basedpyright, which brings its own Node.js) the
programs: README's example and tests/support/user_programs.py. Settings are in pyproject.toml.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from config import ROOT, BookError, load_config
from files import read_source, write

PROGRAMS = ROOT / "tests" / "support" / "user_programs.py"


def readme_example(root: Path = ROOT) -> str:
    """Return README.md's only block of Python code; BookError if there is not exactly one."""
    readme = read_source(root / "README.md")
    blocks = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    if len(blocks) != 1:
        raise BookError(f"README.md has {len(blocks)} blocks of Python code, expected one example")
    return blocks[0]


def programs() -> list[Path]:
    """Return the files of users' programs; README's example is written to `_build`."""
    example = load_config().build / "types" / "readme_example.py"
    write(example, readme_example())
    return [PROGRAMS, example]


def commands(files: list[Path]) -> list[list[str]]:
    """Return what checks the package and `files`."""
    python, paths = sys.executable, [str(path) for path in files]
    return [[python, "-m", "mypy", "d2l_hpo", *paths],
            [python, "-m", "basedpyright", "--pythonpath", python, *paths]]


def main() -> int:
    """Run all checks, each to its end; return 1 if one of them found something."""
    found = [subprocess.run(command, cwd=ROOT, check=False).returncode
             for command in commands(programs())]
    return int(any(found))


if __name__ == "__main__":
    sys.exit(main())
