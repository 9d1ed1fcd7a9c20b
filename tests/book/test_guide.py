"""The guide: each page is complete and short, and its script does what the page says."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from config import ROOT, BookError, load_config
from guide import LINES, guide_pages, read_recipes
from scripts import run_and_listen, run_script

import d2l_hpo

BOOK = load_config()
RECIPES = {recipe.name: recipe for recipe in read_recipes(BOOK)}
CHECKS: dict[str, Callable[[Path], None]] = {}


def check(function: Callable[[Path], None]) -> Callable[[Path], None]:
    """Let a function run the script of the recipe that has its name."""
    CHECKS[function.__name__.replace("_", "-")] = function
    return function


def run(name: str, folder: Path) -> list[str]:
    """Run a recipe's script; return the lines that it printed. It warns of nothing."""
    lines, said = run_and_listen(RECIPES[name].script, folder)
    assert "Warning" not in said, said
    return lines


def files(folder: Path) -> set[str]:
    """Return what a script has left in its folder."""
    return {path.name for path in folder.iterdir() if path.suffix != ".py"} - {"__pycache__"}


def numbers(text: str) -> list[float]:
    """Return the numbers in a line."""
    return [float(number) for number in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]


def config_in(line: str) -> dict:
    """Return the configuration in a line."""
    return ast.literal_eval(re.search(r"\{.*?\}", line)[0])


@pytest.fixture
def taken_ports() -> Iterator[None]:
    """Take the ports that clusters listen on, as another cluster on the machine does."""
    with ExitStack() as stack:
        for port in (8787, 8265):  # of Dask and of Ray
            with suppress(OSError):  # so somebody has it
                stack.enter_context(socket.create_server(("", port)))
        yield


@pytest.mark.usefixtures("taken_ports")
@pytest.mark.parametrize("name", [*RECIPES])
def test_script_runs_and_does_what_the_page_says(name: str, tmp_path: Path) -> None:
    assert name in CHECKS, f"the recipe {name} has no test: write @check def {name}(folder)"
    for module in RECIPES[name].modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed, which the recipe {name} imports")
    CHECKS[name](tmp_path)


def test_every_check_is_of_a_recipe() -> None:
    assert {*CHECKS} == {*RECIPES}


@check
def pytorch(folder: Path) -> None:
    lines = run("pytorch", folder)
    error, config = numbers(lines[0])[0], config_in(lines[0])
    assert 0 < error < 0.3 and 8 <= config["units"] <= 128  # guessing has 0.9
    epochs, all_epochs = numbers(lines[1])
    assert 20 + 18 <= epochs < all_epochs == 180  # one trial at least reaches epoch 9 and 3
    assert files(folder) == set()


@check
def scikit_learn(folder: Path) -> None:
    params, chosen, new, candidates = run("scikit-learn", folder)
    assert set(config_in(params)) <= {"svc__kernel", "svc__C", "svc__gamma"}
    assert numbers(chosen)[0] > 0.9 and numbers(new)[0] > 0.9
    assert candidates == "20 candidates"


@check
def boosting(folder: Path) -> None:
    best, params, steps = run("boosting", folder)
    error, trees = numbers(best)
    assert 0.8 < error < 6 and trees in range(20, 101, 20)  # the mean as prediction has about 25
    assert set(config_in(params)) == {"learning_rate", "max_leaf_nodes", "l2_regularization"}
    assert 15 <= numbers(steps)[0] < 75


@check
def command_line(folder: Path) -> None:
    lines, said = run_and_listen(RECIPES["command-line"].script, folder)
    assert config_in(lines[0]) == {"rate": 0.45} and lines[0].endswith(" 4.0")
    rows = {(config_in(line)["rate"], line.split()[-1]) for line in lines[2:]}
    assert rows == {(0.1, "completed"), (0.3, "completed"), (0.45, "completed"), (1.0, "failed")}
    assert said.count("Warning") == 1 and "took longer than trial_timeout=5 seconds" in said


@check
def vectorized(folder: Path) -> None:
    found, rungs = run("vectorized", folder)
    assert 0 < numbers(found)[0] < 0.3 and config_in(found)["batch_size"] in (16, 64)
    assert ast.literal_eval(rungs) == {1: 27, 3: 9, 9: 3}
    assert files(folder) == {"checkpoints"}


@check
def gpus(folder: Path) -> None:
    lines = run("gpus", folder)
    assert 1e-3 <= config_in(lines[0])["learning_rate"] <= 0.3
    assert [line.split() for line in lines[2:-1]] == [["0", "[0]"], ["1", "[1]"]]


@check
def dask(folder: Path) -> None:
    best, trials = run("dask", folder)
    assert float(best.split()[-1]) == (config_in(best)["x"] - 0.3) ** 2 < 0.01
    assert trials == "20 trials on 2 workers" and files(folder) == {"search.jsonl"}


@check
def ray(folder: Path) -> None:
    lines = run("ray", folder)
    assert lines[-1] == "{'factor': 0.3} error 0.0081, epoch 4"
    assert files(folder) == set()


KILL = """
import os
from d2l_hpo import HPOTuner
log, events = HPOTuner.log, []
def log_and_die(self, event, **values):
    log(self, event, **values)
    events.append(event)
    if len(events) == {number}:
        os._exit(9)
HPOTuner.log = log_and_die
"""


@check
def resume(folder: Path) -> None:
    script = RECIPES["resume"].script
    (folder / "undisturbed").mkdir()
    expected = run("resume", folder / "undisturbed")
    journal = folder / "search.jsonl"
    for number in (4, 31, 32, 20):  # each goes on from there; together fewer than all events
        run_script(KILL.format(number=number) + script, folder, "killed.py", status=9)
    with journal.open("ab") as file:
        file.write(b'{"event": "fini')  # the machine failed while it wrote
    lines, said = run_and_listen(script, folder)
    assert lines == expected and said.count("Warning") == 1 and "the last line is torn" in said
    events = [json.loads(line)["event"] for line in journal.read_text().splitlines()]
    assert f"{events.count('finished')} jobs" == expected[1]
    assert run("resume", folder) == expected


@check
def warm_start(folder: Path) -> None:
    warm, cold = run("warm-start", folder)
    assert warm.startswith("warm: ") and cold.startswith("cold: ")
    assert warm.endswith("after 8 trials") and cold.endswith("after 8 trials")
    assert numbers(warm)[0] < 0.05
    namespace: dict = {"__name__": "recipe"}
    exec(RECIPES["warm-start"].script.replace('"old.jsonl"', "None"), namespace)
    namespace["old"].run(number_of_trials=20)
    tuner = next(namespace["searches"]())
    tuner.run(number_of_trials=1)  # from its first trial on it knows where the rate is good
    assert 1e-3 < tuner.rows[0]["config"]["learning_rate"] < 1e-1


@check
def constraints(folder: Path) -> None:
    kept, best, smallest = run("constraints", folder)
    assert 1 <= numbers(kept)[0] <= numbers(kept)[1] == 16
    error, size = numbers(best[best.index("}"):])
    assert size <= 300 and error >= numbers(smallest)[0]


@check
def two_objectives(folder: Path) -> None:
    points = [numbers(line) for line in run("two-objectives", folder)]
    assert len(points) > 3
    for (leaves, error), (more_leaves, smaller_error) in zip(points, points[1:], strict=False):
        assert leaves < more_leaves and error > smaller_error


@check
def mlflow(folder: Path) -> None:
    best, runs = run("mlflow", folder)
    count, smallest = numbers(runs)
    assert count == 11 and smallest == pytest.approx(float(best.split()[-1]), abs=1e-6)
    code = """import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
runs = mlflow.search_runs(experiment_names=["guide"])
search, = runs[runs["tags.mlflow.runName"] == "search"].to_dict("records")
trials = runs[runs["tags.mlflow.parentRunId"] == search["run_id"]]
print(len(trials), set(trials["tags.status"]), set(trials["status"]) | {search["status"]})
print(trials.loc[trials["metrics.error"].idxmin(), "params.x"] == search["params.x"])
print(((trials["params.x"].astype(float) - 0.3) ** 2 - trials["metrics.error"]).abs().max() < 1e-9)
"""
    assert run_script(code, folder, "look.py") == ["10 {'completed'} {'FINISHED'}", "True", "True"]


@check
def tensorboard(folder: Path) -> None:
    lines = run("tensorboard", folder)
    epochs = ast.literal_eval(lines[1].removesuffix(" epochs of each trial"))
    assert len(epochs) == 12 and max(epochs) == 8 > min(epochs)
    events = importlib.import_module(
        "tensorboard.backend.event_processing.event_accumulator").EventAccumulator
    for trial, length in enumerate(epochs):
        curve = events(str(folder / "runs" / f"trial_{trial}"))
        curve.Reload()
        assert [point.step for point in curve.Scalars("error")] == [*range(1, length + 1)]
    assert config_in(lines[0])["limit"] + 1 / 8 == pytest.approx(float(lines[0].split()[-1]))


@check
def report(folder: Path) -> None:
    lines = run("report", folder)
    rows = [line.split("|")[1].strip() for line in lines]
    assert rows[2:] == ["space", "method", "effort", "incumbent", "trained anew", "test, once"]
    assert "16 trials" in lines[4] and "10 new seeds" in lines[6]
    written = (folder / "report.md").read_text(encoding="utf-8").splitlines()
    assert written[:len(lines)] == lines
    assert written[-1].startswith("Python 3.") and "d2l_hpo " in written[-1]
    assert run("report", folder)[5:] == lines[5:]  # from the journal: the same numbers


@check
def optuna(folder: Path) -> None:
    theirs, ours = run("optuna", folder)
    for line, name in ((theirs, "Optuna"), (ours, "here")):
        config, error = config_in(line), float(line.split()[-1])
        assert line.startswith(name) and config["kind"] == "a"
        assert error == (config["x"] - 0.3) ** 2 < 0.01


@check
def when_not(folder: Path) -> None:
    line, verdict = run("when-not", folder)
    seeds, configs = numbers(line)
    assert seeds > 0 and configs > 0
    assert verdict == ("The seeds decide as much: average them, or leave the defaults."
                       if configs < 2 * seeds else "There is something to find.")


def names_in_table(column: int) -> set[str]:
    """Return the names that a column of the table for users of Optuna writes."""
    rows = re.findall(r"^\| (`.*) \|$", RECIPES["optuna"].text, re.MULTILINE)
    cells = [re.split(r" \| ", row)[column] for row in rows]
    assert len(cells) > 8
    code = " ".join(name for cell in cells for name in re.findall(r"`([^`]+)`", cell))
    return {*re.findall(r"(?<![\w.\"])[A-Z]\w+|(?<=trial\.)\w+|(?<=study\.)\w+", code)} - {"True"}


def test_table_names_what_optuna_has() -> None:
    module = pytest.importorskip("optuna", reason="optuna is not installed")
    places = (module.samplers, module.pruners, module.Trial, module.Study)
    assert {name for name in names_in_table(0)
            if not any(hasattr(place, name) for place in places)} == set()


def test_table_names_what_is_public_here() -> None:
    public = {name for names in BOOK.public.values() for name in names}
    names = names_in_table(1)
    assert {"TPESearcher", "MedianStoppingScheduler"} <= names <= public


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=[*RECIPES])
def test_script_uses_public_names_only_and_is_linted(recipe, tmp_path: Path) -> None:
    imported = {alias.name for node in ast.walk(ast.parse(recipe.script))
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("d2l_hpo")
                for alias in node.names}
    assert imported and imported <= {*d2l_hpo.__all__}
    assert not re.search(r"d2l_hpo\.\w", recipe.script)
    path = tmp_path / "recipe.py"
    path.write_text(recipe.script, encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", "--config",
                           ROOT / "pyproject.toml", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


INSTALLED_BY = {"torch": "torch", "sklearn": "sklearn", "dask": "dask", "ray": "ray"}  # extras
OTHERS = {"mlflow", "optuna"}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=[*RECIPES])
def test_page_says_what_to_install(recipe) -> None:
    imported = {(node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
                for node in ast.walk(ast.parse(recipe.script))
                if isinstance(node, ast.Import | ast.ImportFrom)}
    packages = {name.split(".")[0] for name in imported}
    extras = {INSTALLED_BY[name] for name in packages if name in INSTALLED_BY}
    said = re.findall(r'`python -m pip install "\.\[([\w,]+)\]"', recipe.text)
    assert {extra for each in said for extra in each.split(",")} == extras
    for name in packages & OTHERS:
        assert f"`python -m pip install {name}`" in recipe.text
    known = {*sys.stdlib_module_names, *INSTALLED_BY, *OTHERS, "d2l_hpo", "numpy", "scipy"}
    assert packages <= known


def test_lines_of_scripts_fit_the_page() -> None:
    long = [(recipe.name, line) for recipe in RECIPES.values()
            for line in recipe.script.splitlines() if len(line) > 100]
    assert long == []


def test_overview_leads_to_every_recipe() -> None:
    pages = guide_pages(BOOK)
    assert {*pages} == {"guide", *(recipe.page for recipe in RECIPES.values())}
    for recipe in RECIPES.values():
        assert f"{{doc}}`{recipe.title} <{recipe.page}>`" in pages["guide"]
        assert f"\n{recipe.page}\n" in pages["guide"] and pages[recipe.page] == recipe.text


GOOD = """(guide_a_recipe)=
# A Recipe

**You want** something.

```python
print(1)
```

**Expect.** 1.

**What can go wrong.** Nothing.

**Explained** in {numref}`sec_first`; {py:obj}`~d2l_hpo.X`, see {ref}`this <guide_a_recipe>`.
"""


def recipe_of(small_book, text: str) -> list:
    """Return the recipes of a small book with one page."""
    path = small_book.root / "config.ini"
    path.write_text(path.read_text().replace("[guide]", "[guide]\na-recipe = numpy scipy")
                    + "Things = X\n")
    small_book.section("first", text="")
    section = small_book.chapter / "first.md"
    section.write_text(section.read_text().replace("# The first", "(sec_first)=\n# The first"))
    (small_book.root / "guide").mkdir()
    (small_book.root / "guide" / "a-recipe.md").write_text(text)
    return read_recipes(small_book.config())


def test_good_page_is_read(small_book) -> None:
    [recipe] = recipe_of(small_book, GOOD)
    assert (recipe.title, recipe.wish) == ("A Recipe", "something.")
    assert (recipe.script, recipe.modules) == ("print(1)\n", ["numpy", "scipy"])
    assert guide_pages(small_book.config())["guide-a-recipe"] == GOOD


@pytest.mark.parametrize(("old", "new", "message"), [
    ("# A Recipe", "A Recipe", "does not begin with"),
    ("# A Recipe", "# ", "does not begin with"),
    ("guide_a_recipe)=", "guide_other)=", r"does not begin with \(guide_a_recipe\)="),
    ("**You want** something.", "Something.", "does not begin with"),
    ("```python", "```", "0 blocks of Python code"),
    ("**Expect.** 1.", "```python\n2\n```\n\n**Expect.** 1.", "2 blocks of Python code"),
    ("**Expect.**", "", "lacks a part"),
    ("**What can go wrong.** Nothing.", "", "lacks a part"),
    ("print(1)", "print(1)\n" * LINES, "a recipe has at most 60"),
    ("{numref}`sec_first`", "{numref}`sec_gone`", "refers to sec_gone"),
    ("<guide_a_recipe>", "<guide_gone>", "refers to guide_gone"),
    ("~d2l_hpo.X", "~d2l_hpo.Y", "refers to d2l_hpo.Y"),
    ("{numref}`sec_first`; {py:obj}", "it; {py:obj}", "in which section"),
    ("; {py:obj}`~d2l_hpo.X`, see {ref}`this <guide_a_recipe>`", "", "by which public names"),
])
def test_page_that_is_not_as_all_others_is_refused(small_book, old, new, message) -> None:
    assert old in GOOD
    with pytest.raises(BookError, match=message):
        recipe_of(small_book, GOOD.replace(old, new, 1))


def test_files_and_settings_agree(small_book) -> None:
    recipe_of(small_book, GOOD)
    (small_book.root / "guide" / "other.md").write_text(GOOD)
    with pytest.raises(BookError, match="does not list: other.md"):
        read_recipes(small_book.config())
    (small_book.root / "guide" / "other.md").unlink()
    (small_book.root / "guide" / "a-recipe.md").unlink()
    with pytest.raises(BookError, match="without a file in guide/: a-recipe.md"):
        read_recipes(small_book.config())


def test_book_without_a_guide_has_no_page(small_book) -> None:
    assert guide_pages(small_book.config()) == {}
