"""The programs that type checkers read do what they say."""
import pytest
import user_programs
from matplotlib import pyplot as plt


@pytest.mark.parametrize("program", user_programs.PROGRAMS, ids=lambda program: program.__name__)
def test_program_runs(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program()
    plt.close("all")


def test_there_are_ten_of_them_and_all_are_listed():
    names = {name for name, value in vars(user_programs).items()
             if callable(value) and getattr(value, "__annotations__", None) == {"return": None}}
    assert names == {program.__name__ for program in user_programs.PROGRAMS}
    assert len(names) >= 10
