"""Files of JSON lines: what a kill leaves at any byte is read as the lines before it."""
import json

import pytest

from d2l_hpo.tools.json_lines import append_line, read_lines

VALUES = [{"epoch": 1, "error": 0.5}, {"epoch": 2, "error": None}, {"text": "\r\n\u2028 é"}]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "lines.jsonl"
    for value in VALUES:
        append_line(path, value)
    return path


def test_lines_come_back(path):
    assert read_lines(path) == VALUES


def test_a_missing_file_has_no_lines(tmp_path):
    assert read_lines(tmp_path / "none.jsonl") == []
    assert not (tmp_path / "none.jsonl").exists()


def test_a_file_that_ends_anywhere_goes_on(path):
    content = path.read_bytes()
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        whole = VALUES[:content[:size].count(b"\n")]
        assert read_lines(path) == whole
        append_line(path, VALUES[0])
        assert read_lines(path) == [*whole, VALUES[0]]


def test_lines_of_an_editor_on_windows(path):
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_lines(path) == VALUES


def test_a_damaged_line_is_an_error_and_stays(path):
    content = path.read_bytes().replace(b'{"epoch": 2', b'"epoch": 2')
    path.write_bytes(content)
    with pytest.raises(json.JSONDecodeError):
        read_lines(path)
    assert path.read_bytes() == content
