"""Sections as other processors run them: every failure is listed, and torch is really another."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys

import elsewhere
import pytest
from conftest import SmallBook

KINDS = [*elsewhere.KINDS]


@pytest.fixture
def failing(small_book: SmallBook) -> SmallBook:
    """A book whose first section fails in two ways and goes on, and whose second is fine."""
    small_book.section("first", "x = 1 / 0", "from d2l_hpo import holds\nholds(False, 'it is so')",
                       "import os\nprint(os.environ['OPENBLAS_CORETYPE'], os.listdir())")
    small_book.section("second", "x = 1")
    return small_book


def test_every_failure_is_listed_and_execution_goes_on(failing, capsys) -> None:
    assert elsewhere.main(["--kinds", "plain"], failing.root) == 1
    printed = capsys.readouterr().out
    assert "plain: first.md, code cell 1: ZeroDivisionError: division by zero" in printed
    assert "plain: first.md, code cell 2: On this machine this did not hold: it is so" in printed
    assert "plain: second: 0 failed" in printed and "2 failures as plain" in printed
    copy = failing.root / "_build/elsewhere/plain/first.ipynb"
    assert "Nehalem []" in copy.read_text(encoding="utf-8")


def test_sections_and_kinds_are_chosen(failing, capsys) -> None:
    assert elsewhere.main(["--kinds", "avx2,here", "second"], failing.root) == 0
    printed = capsys.readouterr().out
    assert "first" not in printed and "0 failures as avx2, here" in printed


def test_an_exception_that_a_cell_announces_is_none(small_book, capsys) -> None:
    small_book.section("first", "1 / 0", options=":tags: [raises-exception]\n\n")
    assert elsewhere.main(["--kinds", "here"], small_book.root) == 0


@pytest.mark.parametrize("arguments", [["--kinds", "atari"], ["third"]])
def test_unknown_names_are_refused(failing, arguments, capsys) -> None:
    with pytest.raises(SystemExit):
        elsewhere.main(arguments, failing.root)
    assert arguments[-1] in capsys.readouterr().err


def test_a_week_sees_every_kind() -> None:
    days = [datetime.date(2026, 2, 25) + datetime.timedelta(days) for days in range(7)]
    assert {elsewhere.kind_of_today(day) for day in days} == {*KINDS} - {"here"}


SHOW = ("import torch; torch.manual_seed(1); "
        "print(torch.initial_seed(), torch.backends.mkldnn.enabled)")
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SHOW!r}])"


def printed_by(code: str, kind: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | elsewhere.variables(kind),
                          check=True, text=True, stdout=subprocess.PIPE)
    return done.stdout.strip()


@pytest.mark.parametrize(("kind", "expected"), [
    ("here", "1 True"), ("seeds1", "7920 True"), ("seeds3", "23758 True"),
    ("no-onednn", "1 False")])
@pytest.mark.parametrize("code", [SHOW, CHILD])
def test_torch_is_changed_in_a_process_and_its_children(kind, expected, code) -> None:
    pytest.importorskip("torch")
    assert printed_by(code, kind) == expected


def test_plain_takes_torchs_plain_kernels() -> None:
    pytest.importorskip("torch")
    code = "import torch; print(torch.backends.cpu.get_cpu_capability())"
    assert printed_by(code, "plain") == "DEFAULT"


def test_a_script_runs_as_each_kind(tmp_path, capfd, monkeypatch) -> None:
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)  # a machine may have it set
    script = tmp_path / "a script.py"
    script.write_text("import os, sys\nprint(sys.argv[1], os.environ.get('OPENBLAS_CORETYPE'))\n"
                      "sys.exit('OPENBLAS_CORETYPE' in os.environ)", encoding="utf-8")
    assert elsewhere.main(["--kinds", "skylake,seeds1", "--", str(script), "--all"]) == 1
    printed = capfd.readouterr().out
    assert "--all SkylakeX" in printed and "1 failures as skylake, seeds1" in printed
