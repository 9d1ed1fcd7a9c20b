"""What differs between systems, each branch on this one: the calls of the other are replaced."""
import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from d2l_hpo.tools import files, platform

PACKAGE = Path(__file__).resolve().parents[2] / "d2l_hpo"
DIFFERENT = {"setsid", "killpg", "fork", "SIGKILL", "O_BINARY", "O_DIRECTORY", "getuid", "uname",
             "startfile", "quote", "list2cmdline"}


@pytest.fixture(params=[False, True], ids=["posix", "windows"])
def is_windows(request, monkeypatch):
    """Say which system the module takes this one for."""
    monkeypatch.setattr(platform, "IS_WINDOWS", request.param)
    return request.param


def calls_that_differ(path):
    """Return the names in a module that only some systems have, or that ask for the system."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            named = ast.unparse(node)
            if node.attr in DIFFERENT or named in ("os.name", "sys.platform", "platform.system"):
                found.append(named)
        elif isinstance(node, ast.Constant) and node.value in DIFFERENT - {"quote"}:
            found.append(node.value)
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")),
                         ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_calls_that_differ_between_systems_stand_in_one_module(path):
    if path.name == "platform.py":
        assert {"os.name", "os.setsid", "os.killpg"} <= set(calls_that_differ(path))
    else:
        assert calls_that_differ(path) == []


def test_a_process_leads_a_group(is_windows, monkeypatch):
    calls = []
    monkeypatch.setattr(os, "setsid", lambda: calls.append("setsid"), raising=False)
    platform.lead_group()
    assert calls == [] if is_windows else ["setsid"]


def test_a_group_is_killed(is_windows, monkeypatch):
    calls = []
    monkeypatch.setattr(os, "killpg", lambda *arguments: calls.append(arguments), raising=False)
    monkeypatch.setattr(subprocess, "run", lambda command, **options: calls.append(command))
    platform.kill_group(123456)
    assert calls == ([["taskkill", "/F", "/T", "/PID", "123456"]] if is_windows
                     else [(123456, signal.SIGKILL)])


@pytest.mark.skipif(platform.IS_WINDOWS, reason="groups of processes are POSIX's")
def test_a_group_that_has_ended_is_no_error():
    child = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    child.wait()
    platform.kill_group(child.pid)


@pytest.mark.skipif(platform.IS_WINDOWS, reason="groups of processes are POSIX's")
def test_the_programs_that_a_leader_started_are_killed_with_it():
    code = ("import subprocess, sys; "
            "p = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE); "
            "print(p.pid, flush=True); p.wait()")
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True, text=True,
                          stdout=subprocess.PIPE) as leader:
        assert int(leader.stdout.readline()) > 0
        platform.kill_group(leader.pid)
        assert leader.stdout.read() == ""  # both ends of the pipe that the two had are closed
    assert leader.returncode == -signal.SIGKILL


def test_a_folder_is_on_disk(is_windows, monkeypatch, tmp_path):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    platform.sync_folder(tmp_path)
    assert synced == ([] if is_windows else [tmp_path.stat().st_ino])


def test_the_file_of_a_held_lock_goes_where_that_is_possible(is_windows, tmp_path):
    path = tmp_path / "search.lock"
    path.touch()
    platform.remove_held_lock(path)
    assert path.exists() == is_windows
    path.unlink(missing_ok=True)
    platform.remove_held_lock(path)


@pytest.mark.parametrize("name", ["replace", "unlink"])
def test_a_file_that_is_open_elsewhere_is_waited_for_on_windows_only(name, is_windows, monkeypatch,
                                                                     tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    original, refusals, pauses = getattr(os, name), [1, 2, 3], []

    def open_elsewhere(*arguments):
        if refusals:
            refusals.pop()
            raise PermissionError(13, "is open")
        return original(*arguments)

    monkeypatch.setattr(os, name, open_elsewhere)
    monkeypatch.setattr(platform.time, "sleep", pauses.append)
    change = {"replace": lambda: platform.replace(source, target),
              "unlink": lambda: platform.remove(source)}[name]
    if is_windows:
        change()
        assert not source.exists() and pauses == [platform.PAUSE] * 3
        assert target.read_bytes() == (b"new" if name == "replace" else b"old")
    else:
        with pytest.raises(PermissionError):
            change()
        assert source.exists() and target.read_bytes() == b"old" and pauses == []


@pytest.mark.parametrize("name", ["replace", "unlink"])
def test_a_file_that_stays_open_is_an_error_and_nothing_is_lost(name, monkeypatch, tmp_path):
    monkeypatch.setattr(platform, "IS_WINDOWS", True)
    tries = []

    def refuse(*arguments):
        tries.append(arguments)
        raise PermissionError(13, "is open")

    path = tmp_path / "checkpoint"
    path.write_bytes(b"old")
    with monkeypatch.context() as patched:
        patched.setattr(os, name, refuse)
        patched.setattr(platform.time, "sleep", lambda seconds: None)
        with pytest.raises(PermissionError):
            files.write_file(path, b"new") if name == "replace" else platform.remove(path)
    assert len(tries) == platform.TRIES and path.read_bytes() == b"old"


def test_a_file_that_is_missing_is_an_error_at_once(is_windows, monkeypatch, tmp_path):
    monkeypatch.setattr(platform.time, "sleep", lambda seconds: pytest.fail("it waited"))
    with pytest.raises(FileNotFoundError):
        platform.remove(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        platform.replace(tmp_path / "missing", tmp_path / "target")


def test_a_word_of_a_command_is_quoted_as_the_systems_shell_reads_it(is_windows):
    word = r"C:\Jane Doe\python.exe" if is_windows else "/home/jane doe/python"
    quotes = '"' if is_windows else "'"
    assert platform.shell_quoted(word) == f"{quotes}{word}{quotes}"
    assert platform.shell_quoted("python") == "python"


def test_a_file_keeps_its_line_ends(tmp_path):
    descriptor = os.open(tmp_path / "lines", os.O_WRONLY | os.O_CREAT | platform.BINARY, 0o666)
    os.write(descriptor, b"a\nb\r\n")
    os.close(descriptor)
    assert (tmp_path / "lines").read_bytes() == b"a\nb\r\n"


POSIX = {"SIGKILL", "SIGSEGV", "killpg", "fork", "setrlimit", "start_new_session", "chmod"}


def needs_posix(node):
    """Say whether a part of a test file uses what Windows lacks."""
    for item in ast.walk(node):
        if isinstance(item, ast.Attribute) and (item.attr in POSIX
                                                or ast.unparse(item) == "os.kill"):
            return True
        if isinstance(item, ast.keyword) and item.arg in POSIX:
            return True
        if isinstance(item, ast.Constant) and item.value in POSIX:
            return True
    return False


@pytest.mark.parametrize("path", [path for path in sorted(Path(__file__).parent.glob("test_*.py"))
                                  if path != Path(__file__)], ids=lambda path: path.stem)
def test_tests_that_need_posix_say_so(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    source = ast.unparse(tree)
    if "pytestmark = posix_only" in source:
        return
    for node in tree.body:
        if not needs_posix(node):
            continue
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            assert "posix_only" in map(ast.unparse, node.decorator_list), node.name
        else:
            assert "posix_only" in source
