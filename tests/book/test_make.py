"""`book/make.py`, which the Makefile calls: its steps, in their order, on every system."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import make
import pytest
from config import ROOT
from make import Failure, Maker, main, venv_python


class Recorder(Maker):
    """A maker that notes its commands instead of running them; those in `broken` fail."""

    def __init__(self, root: Path, broken: str = "", **options: str) -> None:
        super().__init__(root, **options)
        self.commands: list[str] = []
        self.broken = broken
        self.variables: dict[str, str | None] = {}

    def run(self, *command: str | Path, folder=None, variables=None, output=None) -> None:
        line = " ".join(map(str, command)).replace(str(venv_python(self.venv)), "PYTHON")
        self.commands.append(line)
        self.variables |= variables or {}
        if self.broken and self.broken in line:
            raise Failure(3)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with what an installation depends on."""
    (tmp_path / "requirements.txt").write_text("torch==1.0\ntorchvision==2.0\nnumpy==3.0\n",
                                               encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def installed(root: Path) -> Path:
    """Return a folder with a complete environment."""
    (root / ".venv").mkdir()
    (root / ".venv" / ".installed").write_text(Maker(root).stamp(), encoding="utf-8")
    return root


@pytest.fixture
def without_latex(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide latexmk."""
    monkeypatch.setattr(make.shutil, "which", lambda name: None)


@pytest.mark.parametrize(("system", "place"),
                         [("posix", "bin/python"), ("nt", "Scripts/python.exe")])
def test_the_python_of_an_environment(system: str, place: str) -> None:
    assert venv_python(Path("env"), system) == Path("env", place)


def test_the_makefile_has_the_same_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = re.search(r"^TARGETS := ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)[1]
    assert listed.replace("\\\n", " ").split() == [*make.TARGETS]
    assert all(function.__doc__ for function in make.TARGETS.values())


def test_an_environment_over_the_first_one_sees_both_and_its_own_first(tmp_path: Path) -> None:
    below, layer, root = (tmp_path / name for name in ("below", "layer", "root"))
    for folder in (below, layer):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    root.mkdir()

    def purelib(venv: Path) -> Path:
        return Path(subprocess.run(
            [venv_python(venv), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True, capture_output=True, text=True).stdout.strip())
    for name, folder in (("both", purelib(below)), ("both", purelib(layer)),
                         ("lower", purelib(below)), ("ours", root)):
        (folder / f"{name}.py").write_text(f"place = {folder.parts!r}", encoding="utf-8")
    subprocess.run([venv_python(below), "-c", make.LAYER, layer, root], check=True)
    code = "import both, lower, ours; print('layer' in both.place, 'below' in lower.place)"
    done = subprocess.run([venv_python(layer), "-c", code], check=True, capture_output=True,
                          text=True, cwd=tmp_path)
    assert done.stdout.split() == ["True", "True"]


def test_what_is_tested_outside_is_installed_first(installed: Path) -> None:
    maker = Recorder(installed)
    maker.outside()
    steps = [line for line in maker.commands if "-m pip" in line or "-m pytest" in line
             or "import mlflow" in line]
    assert ["-r tests/outside.txt" in steps[0], "import mlflow" in steps[1]] == [True, True]
    assert len(steps) == 3 and all(name in steps[2] for name in make.OUTSIDE_TESTS)
    pins = (ROOT / "tests" / "outside.txt").read_text(encoding="utf-8")
    for module in re.findall(r"\w+", steps[1].split(" import ")[1]):
        assert f"\n{module.replace('_', '-')}==" in pins


def test_readme_and_contributing_name_targets_that_exist() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = re.findall(r"`make ([a-z]+)|^    make ([a-z]+)|^py book.make\.py ([a-z]+)", text,
                           re.MULTILINE)
        assert named and {"".join(found) for found in named} <= {*make.TARGETS, "help"}


def test_an_environment_is_made_once_and_again_when_packages_change(root: Path) -> None:
    first = Recorder(root)
    first.has_pip = lambda python: False
    (root / ".venv").mkdir()
    first.install()
    first.install()
    assert [re.sub(r"^.*python\S*(?= -m venv)", "ANY", line) for line in first.commands] == [
        f"ANY -m venv --clear {root / '.venv'}",
        "PYTHON -m pip install --quiet -r requirements.txt",
        "PYTHON -m pip install --quiet --no-deps d2l==1.0.3 syne-tune==0.16.0",
        "PYTHON -m pip install -qq --no-deps --no-build-isolation --editable ."]
    again = Recorder(root)
    again.install()
    assert again.commands == []
    (root / "requirements.txt").write_text("numpy==3.1\n", encoding="utf-8")
    changed = Recorder(root)
    changed.has_pip = lambda python: True
    changed.install()
    assert len(changed.commands) == 3 and "venv" not in changed.commands[0]


def test_an_environment_that_was_made_in_another_folder_is_made_again(installed: Path) -> None:
    moved = installed.parent / "moved"
    installed.rename(moved)
    maker = Recorder(moved)
    maker.has_pip = lambda python: True
    maker.install()
    assert len(maker.commands) == 3
    moved.rename(installed)


def test_an_installation_that_fails_is_not_taken_for_complete(root: Path) -> None:
    (root / ".venv").mkdir()
    for broken in ("-r requirements", "--editable"):
        maker = Recorder(root, broken)
        with pytest.raises(Failure):
            maker.install()
        assert not (root / ".venv" / ".installed").exists()


def test_a_torch_for_the_cpu_comes_first(root: Path) -> None:
    (root / ".venv").mkdir()
    maker = Recorder(root, torch_index="https://example.org/cpu")
    maker.has_pip = lambda python: True
    maker.install()
    assert maker.commands[0] == ("PYTHON -m pip install --no-deps --index-url "
                                 "https://example.org/cpu torch==1.0 torchvision==2.0")


def test_the_book_has_its_pages_without_latex(installed: Path, without_latex: None,
                                              capsys: pytest.CaptureFixture) -> None:
    maker = Recorder(installed)
    maker.book()
    assert [line.split("PYTHON ")[1].split(" -q")[0] for line in maker.commands] == [
        "book/extract.py", "book/notebooks.py sync", "-m img.src", "book/laboratory.py",
        "book/notebooks.py execute", "-m sphinx", "book/notebooks.py statements"]
    assert "no PDF: latexmk or xelatex is missing" in capsys.readouterr().out


def test_a_pdf_that_fails_leaves_pages_and_fails_in_the_end(installed: Path, monkeypatch,
                                                            capsys) -> None:
    monkeypatch.setattr(make.shutil, "which", lambda name: f"/bin/{name}")
    (installed / "_build" / "latex").mkdir(parents=True)
    (installed / "_build" / "latex" / "d2l_hpo.log").write_bytes(b"! Emergency stop\xff\n")
    maker = Recorder(installed, "latexmk")
    with pytest.raises(Failure) as failure:
        maker.book()
    assert failure.value.status == 3 and "! Emergency stop" in capsys.readouterr().out
    assert any("-b html" in line for line in maker.commands)
    assert "book/notebooks.py statements" not in maker.commands[-1]


@pytest.fixture
def executed(installed: Path) -> Path:
    """Return a folder with two executed sections."""
    (installed / "_build" / "cache").mkdir(parents=True)
    for name in ("bo-intro-0123456789abcdef.ipynb", "bo-fedcba9876543210.ipynb"):
        (installed / "_build" / "cache" / name).write_text("{}", encoding="utf-8")
    (installed / "_build" / "notebooks").mkdir()
    for name in ("bo-intro", "bo"):
        (installed / "_build" / "notebooks" / f"{name}.ipynb").write_text("{}", encoding="utf-8")
    return installed


def run_again(root: Path, broken: str = "") -> list[str]:
    """Return the sections that are run a second time."""
    maker = Recorder(root, broken)
    if broken:
        with pytest.raises(Failure):
            maker.again()
    else:
        maker.again()
    return [Path(word).stem for line in maker.commands for word in line.split()
            if word.endswith(".ipynb")]


def test_tests_run_after_the_book_and_notebooks_a_second_time(executed: Path,
                                                              without_latex: None) -> None:
    maker = Recorder(executed)
    maker.test()
    number = int(re.fullmatch("PYTHON -m pytest -n (.) tests", maker.commands[-2])[1])
    assert number == 4 or 2 <= number == os.cpu_count() + 1
    assert "--nbval" in maker.commands[-1] and maker.commands[-1].endswith("bo-intro.ipynb")
    assert maker.variables["MPLBACKEND"] is None and maker.variables["OMP_NUM_THREADS"] == "1"


def test_a_notebook_that_has_passed_runs_again_when_its_outputs_are_new(
        executed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert run_again(executed, broken="nbval") == ["bo", "bo-intro"]  # it did not pass
    assert run_again(executed) == ["bo", "bo-intro"]
    assert run_again(executed) == []
    [old] = (executed / "_build" / "cache").glob("bo-f*")
    old.write_text('{"cells": []}', encoding="utf-8")
    assert run_again(executed) == ["bo"]
    old.rename(old.with_name("bo-0000000000000000.ipynb"))
    assert run_again(executed) == ["bo"] and run_again(executed) == []
    monkeypatch.setenv("CI", "true")
    assert run_again(executed) == ["bo", "bo-intro"]


def test_a_section_that_has_left_the_book_is_not_run_again(executed: Path) -> None:
    (executed / "_build" / "notebooks" / "bo.ipynb").unlink()  # its outputs are still stored
    assert run_again(executed) == ["bo-intro"]


def test_kinds_of_machines_are_passed_on(installed: Path) -> None:
    maker = Recorder(installed, kinds="avx2,plain")
    maker.elsewhere()
    assert maker.commands == ["PYTHON book/elsewhere.py --kinds avx2,plain"]


def test_a_check_stops_where_something_differs(installed: Path) -> None:
    maker = Recorder(installed, "sync --check")
    with pytest.raises(Failure):
        maker.check()
    assert len(maker.commands) == 2


def test_clean_keeps_the_environment(installed: Path) -> None:
    for name in (".venv/lib/__pycache__", "_build/html", "a/__pycache__", "a/b/__pycache__"):
        (installed / name).mkdir(parents=True)
        (installed / name / "file").touch()
    (installed / "elsewhere").mkdir()
    (installed / "elsewhere" / "file").touch()
    (installed / "dist").symlink_to(installed / "elsewhere")
    Maker(installed).clean()
    assert not (installed / "dist").is_symlink()
    left = {path.relative_to(installed).as_posix() for path in installed.rglob("file")}
    assert left == {".venv/lib/__pycache__/file", "elsewhere/file"}


def test_a_program_runs_in_the_folder_without_what_is_active_outside(root: Path, monkeypatch,
                                                                     capfd) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("MPLBACKEND", "agg")
    code = ("import os; print(os.getcwd(), os.environ.get('PYTHONPATH'), "
            "os.environ.get('MPLBACKEND'), os.environ['PYTHONHASHSEED'])")
    Maker(root).run(sys.executable, "-c", code, variables={"MPLBACKEND": None})
    assert capfd.readouterr().out.split() == [os.path.realpath(root), "None", "None", "0"]


def test_the_exit_status_of_a_program_is_that_of_make(root: Path, tmp_path: Path) -> None:
    with pytest.raises(Failure) as failure:
        Maker(root).run(sys.executable, "-c", "raise SystemExit(5)", output=tmp_path / "said")
    assert failure.value.status == 5


def test_an_unknown_target_is_an_error_that_lists_them(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["bok"])
    assert "there is no target 'bok'; there are book, test" in capsys.readouterr().err


def test_an_old_python_is_told_which_one_is_needed(monkeypatch, capsys, root: Path) -> None:
    monkeypatch.setattr(make.sys, "version_info", (3, 10, 1))
    assert main(["install"], root) == 1
    assert "Python 3.10.1 is too old: Python 3.11 or newer is needed" in capsys.readouterr().err
    assert not (root / ".venv").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no make")
def test_make_hands_over_target_and_options(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "make.py").write_text("import sys; print(sys.argv[1:])", encoding="utf-8")
    for words, expected in ((["elsewhere", "KINDS=avx2"], ["elsewhere", "--kinds", "avx2"]),
                            (["book", "TORCH_INDEX=http://a b"],
                             ["book", "--torch-index", "http://a b"]),
                            ([], ["book"]), (["help"], ["--help"])):
        done = subprocess.run(["make", *words, f"PYTHON={sys.executable}"], cwd=tmp_path, text=True,
                              capture_output=True, check=False)
        assert done.stdout == f"{expected}\n", done.stderr
