"""Files that an editor on Windows has saved: a mark of the encoding in front, CRLF at line ends."""
import ast
import json
import os
import traceback
import warnings
from codecs import BOM_UTF8
from pathlib import Path

import pytest
from journaled import tuner

from d2l_hpo import CrossValidation, read_journal
from d2l_hpo.tuning.sent_code import pack_function, unpack_function

PACKAGE = Path(__file__).resolve().parents[2] / "d2l_hpo"


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "search.jsonl"


def edit(path):
    """Save a file as such an editor does."""
    path.write_bytes(BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))


def test_a_journal_is_read_and_goes_on_line_by_line(journal):
    tuner(journal).run(number_of_trials=2)
    edit(journal)
    before = journal.read_bytes()
    assert len(read_journal(journal).rows) == 2
    assert journal.read_bytes() == before
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is torn
        for number in (4, 6):
            search = tuner(journal)
            search.run(number_of_trials=number)
            assert [row["trial_id"] for row in search.rows] == [*range(number)]
    assert journal.read_bytes().startswith(before)
    lines = journal.read_bytes().removeprefix(BOM_UTF8).split(b"\n")
    assert lines.pop() == b"" and all(json.loads(line) for line in lines)
    assert len(read_journal(journal).rows) == 6


def test_a_line_that_is_torn_is_cut_off_whole(journal):
    tuner(journal).run(number_of_trials=2)
    edit(journal)
    before = journal.read_bytes()
    journal.write_bytes(before[:-1])  # between CR and LF
    assert len(read_journal(journal).rows) == 1
    with pytest.warns(UserWarning, match="torn"):
        tuner(journal).run(number_of_trials=3)
    assert len(read_journal(journal).rows) == 3


def test_an_empty_journal_with_a_mark_is_an_empty_journal(journal):
    journal.write_bytes(BOM_UTF8)
    assert read_journal(journal).rows == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tuner(journal).run(number_of_trials=1)
    assert journal.read_bytes().startswith(b'{"event": "search"')


@pytest.mark.parametrize("content", [b"hello", b"\xff\xfe{", b'\xef\xbb\xbf{"kind":'])
def test_what_is_no_journal_is_none_behind_a_mark_either(journal, content):
    journal.write_bytes(content)
    with pytest.raises(ValueError, match="no journal"):
        read_journal(journal)


def test_errors_of_folds_are_read(tmp_path):
    objective, checkpoint = CrossValidation(lambda config, fold: float(fold), 3), tmp_path / "0.pt"
    assert objective({}, 2, checkpoint) == 0.5
    edit(checkpoint)
    assert objective({}, 3, checkpoint) == 1


def test_a_script_keeps_its_lines_in_tracebacks(tmp_path):
    script = tmp_path / "objective.py"
    script.write_text("def objective(config):\n    return config['ü']\n", encoding="utf-8",
                      newline="\n")
    edit(script)
    names = {}
    exec(compile(script.read_bytes(), os.fspath(script), "exec"), names)
    objective = unpack_function(pack_function(names["objective"]))
    with pytest.raises(KeyError) as failure:
        objective({})
    text = "".join(traceback.format_exception(failure.value))
    assert "line 2, in objective\n    return config['ü']\n" in text


# -- the package and the book's tools -------------------------------------------------------------

OWN = {"pages/page.py"}
"""Modules that read text which nobody but the package writes."""


def texts_read(path):
    """Yield the encodings of a module's calls of `read_text`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".read_text"):
            yield next(key.value.value for key in node.keywords if key.arg == "encoding")


def test_every_text_of_a_user_may_begin_with_a_mark():
    plain = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")
             if {*texts_read(path)} - {"utf-8-sig"}}
    assert plain <= OWN
