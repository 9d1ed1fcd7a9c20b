"""The command that shows a search from another terminal."""
import os
import signal
import subprocess
import sys
from pathlib import Path

import faulty_objectives as faulty
import pytest
from journaled import PATHS, tuner
from systems import posix_only

from d2l_hpo.pages import PageWriter, main
from d2l_hpo.tuning import Journal, read_journal


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "search.jsonl"
    tuner(path, faulty.raising, 4).run()
    return path


def never():
    raise AssertionError("there is nothing to wait for")


def program(*arguments, **options):
    """Start the command as a program."""
    return subprocess.Popen([sys.executable, "-m", "d2l_hpo", "show", *map(str, arguments)],
                            env=PATHS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            **options)


def test_a_finished_search_is_summed_up(journal, capsys):
    before = journal.read_bytes()
    assert main(["show", str(journal)], never) == 0
    output = capsys.readouterr()
    assert "4 suggested, 4 reported, 3 failed" in output.out and output.err == ""
    assert "Incumbent: trial 0, error 0" in output.out
    assert journal.read_bytes() == before and [*journal.parent.iterdir()] == [journal]


def test_a_search_that_is_over_is_not_waited_for(journal, capsys):
    page = journal.with_name("search.html")
    assert main(["show", str(journal), "--html", str(page), "--follow"], never) == 0
    assert "What went wrong?" in page.read_text(encoding="utf-8")


@posix_only  # Windows refuses a folder in other words
def test_what_cannot_be_written_goes_by_its_name(journal, tmp_path, capsys, monkeypatch):
    assert main(["show", str(journal), "--html", str(tmp_path)], never) == 2
    assert capsys.readouterr().err.rstrip().endswith(f"show: {tmp_path}: Is a directory")

    def full_disk(text):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr("d2l_hpo.pages.command._write", full_disk)
    assert main(["show", str(journal)], never) == 2
    assert "show: standard output: No space left on device" in capsys.readouterr().err


@posix_only
def test_a_page_does_not_replace_its_journal(journal, capsys):
    before, link = journal.read_bytes(), journal.with_name("link.html")
    link.symlink_to(journal)
    for page in (journal, link):
        assert main(["show", str(journal), "--html", str(page)], never) == 2
        assert "is the search's journal" in capsys.readouterr().err
    assert journal.read_bytes() == before


@pytest.mark.parametrize("arguments", [[], ["--follow"]])
@pytest.mark.parametrize("content", [None, b"hello\n", b"x", b"\xff" * 9, "folder", "middle"])
def test_a_bad_file_is_one_line_and_status_2(journal, capsys, content, arguments):
    lines = journal.read_bytes().splitlines(True)
    journal.unlink()
    if content == "folder":
        journal.mkdir()
    elif content == "middle":
        journal.write_bytes(b"".join([*lines[:2], b"garbage\n", *lines[2:]]))
    elif content is not None:
        journal.write_bytes(content)
    assert main(["show", str(journal), *arguments], never) == 2
    output = capsys.readouterr()
    assert output.err.count("\n") == 1 and "search.jsonl" in output.err
    assert output.out == "" and ("line 3" in output.err) == (content == "middle")


def test_a_page_that_cannot_be_written_is_one_line_and_status_2(journal, capsys):
    assert main(["show", str(journal), "--html", str(journal.parent / "no" / "a.html")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_following_shows_what_comes_and_ends_with_the_search(journal, capsys):
    lines = journal.read_bytes().splitlines(True)
    page = journal.with_name("search.html")
    journal.write_bytes(b"".join(lines[:3]))
    rest = iter(lines[3:])
    with Journal(journal) as lock:
        def wait():
            line = next(rest, None)
            if line is None:
                return lock.lock.release()
            with open(journal, "ab") as file:
                file.write(line)
        assert main(["show", str(journal), "--follow", "--html", str(page)], wait) == 0
        lock.lock.acquire()
    output = capsys.readouterr().out
    assert output.startswith("search.jsonl: running, 3 events")
    assert output.count("trial 3 failed: the objective returned nan: no finite error") == 1
    assert "search.jsonl: not running" in output
    assert "3 trials of 4 failed" in page.read_text(encoding="utf-8")


def test_damage_while_following_is_status_2(journal, capsys):
    with Journal(journal):
        def wait():
            with open(journal, "ab") as file:
                file.write(b"garbage\n")
        assert main(["show", str(journal), "--follow"], wait) == 2
    assert f"line {len(journal.read_bytes().splitlines())} is damaged" in capsys.readouterr().err


def test_ctrl_c_ends_following_and_writes_the_last_page(journal, capsys):
    page = journal.with_name("search.html")

    def wait():
        raise KeyboardInterrupt
    with Journal(journal):
        assert main(["show", str(journal), "--follow", "--html", str(page)], wait) == 0
    assert page.exists()


def test_a_program_that_follows_is_ended_by_ctrl_c(journal):
    with Journal(journal), program(journal, "--follow") as shown:
        assert "running" in shown.stdout.readline()
        while "no trial" not in shown.stdout.readline():
            pass  # the last line before it waits
        shown.send_signal(signal.SIGINT)
        assert shown.wait() == 0 and shown.stderr.read() == ""


def test_a_program_whose_reader_goes_away_ends_quietly(journal):
    with Journal(journal), program(journal, "--follow") as shown:
        shown.stdout.readline()
        shown.stdout.close()
        with open(journal, "ab") as file:
            file.write(b'{"event": "suggested", "trial": null}\n')
        assert shown.wait() == 0 and shown.stderr.read() == ""


@pytest.mark.skipif(os.name == "nt", reason="encodings of terminals")
def test_what_a_terminal_cannot_write_is_escaped(tmp_path):
    path = tmp_path / "sächsisch.jsonl"
    tuner(path).run(number_of_trials=1)
    done = subprocess.run([sys.executable, "-m", "d2l_hpo", "show", path], check=False,
                          env=PATHS | {"PYTHONIOENCODING": "ascii"}, capture_output=True)
    assert done.returncode == 0 and rb"s\xe4chsisch.jsonl" in done.stdout and not done.stderr


def test_help_and_a_wrong_command_are_argparse_s(capsys):
    for arguments, status in ((["--help"], 0), (["show"], 2), (["other"], 2), ([], 2)):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == status
    capsys.readouterr()


def test_a_page_is_not_written_again_without_news_or_too_early(journal):
    path, now = journal.with_name("search.html"), [0.0]

    def clock():
        now[0] += 1.0
        return now[0]
    writer = PageWriter(read_journal(journal), path, clock)
    writer.write()
    path.unlink()
    writer.write()
    assert not path.exists()  # no news
    with open(journal, "ab") as file:
        file.write(b'{"event": "suggested", "trial": null}\n')
    writer.search.update()
    writer.write(is_due=False)
    assert not path.exists()  # too early: it took a second, so that it rests for ten
    now[0] += 20
    writer.write(is_due=False)
    assert path.exists()


def test_the_summary_loads_no_table_and_no_training(journal):
    code = ("import sys; from d2l_hpo.pages import main; main(['show', sys.argv[1]]);"
            "print(*sorted({'pandas', 'torch', 'matplotlib', 'sklearn'} & {*sys.modules}), '.')")
    done = subprocess.run([sys.executable, "-c", code, journal], env=PATHS, text=True, check=True,
                          capture_output=True)
    assert done.stdout.splitlines()[-1].strip() == "."
    assert Path(journal).exists()
