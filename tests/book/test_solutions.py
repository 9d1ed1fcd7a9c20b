"""Every exercise has a solution, and the code of every solution runs on its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot
import pytest
from cells import read_notebook
from config import load_config
from conftest import SmallBook
from myst import Fence, parse_blocks, walk


@dataclass(frozen=True)
class Solution:
    """The Python blocks of one solution; each starts at its line of the section."""

    path: Path
    label: str
    blocks: tuple[tuple[int, str], ...]

    def run(self) -> dict[str, object]:
        """Run the blocks one after another in one fresh namespace and return it."""
        namespace: dict[str, object] = {"__name__": f"solution_{self.label}"}
        for line, source in self.blocks:
            code = compile("\n" * (line - 1) + source, str(self.path), "exec")
            exec(code, namespace)
        return namespace


def directives(path: Path) -> list[Fence]:
    """Return all directives of a section, those inside others included."""
    return [block for block in walk(path.read_text(encoding="utf-8")) if isinstance(block, Fence)]


def solutions(path: Path) -> list[Solution]:
    """Return the solutions of a section that hold Python code."""
    found = []
    for block in directives(path):
        if block.name == "solution":
            inner = parse_blocks(block.body, block.body_line)
            code = tuple((part.body_line, part.body) for part in inner
                         if isinstance(part, Fence) and not part.name
                         and part.argument == "python")
            found += [Solution(path, block.argument, code)] if code else []
    return found


def unsolved(path: Path) -> set[str]:
    """Return the labels of a section's exercises that have no solution."""
    blocks = directives(path)
    exercises = {str(block.options.get("label", f"without label, line {block.line}"))
                 for block in blocks if block.name == "exercise"}
    return exercises - {block.argument for block in blocks if block.name == "solution"}


SECTIONS = load_config().section_paths()
SOLUTIONS = [solution for path in SECTIONS for solution in solutions(path)]


@pytest.mark.parametrize("solution", SOLUTIONS,
                         ids=[f"{item.path.stem}-{item.label}" for item in SOLUTIONS])
def test_code_of_solutions_runs(solution: Solution, tmp_path: Path,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    assert "__builtins__" in solution.run()
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("path", SECTIONS, ids=[path.stem for path in SECTIONS])
def test_every_exercise_is_solved_and_every_section_has_exercises(path: Path) -> None:
    assert unsolved(path) == set()
    has_code = any(cell.cell_type == "code" for cell in read_notebook(path).cells)
    blocks = directives(path)
    has_goals = any(block.argument == "In this section" for block in blocks)
    named = {block.name for block in blocks}
    assert not (has_code and has_goals) or {"exercise", "solution"} <= named, "add exercises"


SOLVED = """\
```{exercise}
:label: ex_a
Do it.
```

````{solution} ex_a
```python
x = 1
```

and then

```python
y = x + %s
```

```text
not python
```
````
"""


def test_blocks_of_a_solution_share_their_names(small_book: SmallBook) -> None:
    small_book.section("first", text=SOLVED % "1")
    [solution] = solutions(small_book.chapter / "first.md")
    assert solution.label == "ex_a"
    assert solution.run()["y"] == 2


def test_failing_solution_shows_its_line(small_book: SmallBook) -> None:
    small_book.section("first", text=SOLVED % "missing")
    path = small_book.chapter / "first.md"
    [solution] = solutions(path)
    with pytest.raises(NameError) as caught:
        solution.run()
    line = path.read_text(encoding="utf-8").split("\n").index("y = x + missing") + 1
    assert caught.traceback[-1].lineno + 1 == line


def test_exercise_without_solution_is_found(small_book: SmallBook) -> None:
    small_book.section("first", text=SOLVED.replace("{solution} ex_a", "{solution} ex_b") % "1")
    assert unsolved(small_book.chapter / "first.md") == {"ex_a"}
