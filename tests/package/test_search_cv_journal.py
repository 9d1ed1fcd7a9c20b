"""HPOSearchCV with a journal: it goes on after any end, and refuses what is another search's."""
import signal
import subprocess
import sys
import threading

import killed_search as killed
import numpy as np
import pytest
from journaled import PATHS, ROOT, events
from killed_search import FITS, LABELS, ROWS, Counted
from scipy import sparse, stats
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from systems import posix_only

from d2l_hpo import HPOSearchCV, search_page
from d2l_hpo.estimators import describe_data, describe_estimator
from d2l_hpo.pages import main


@pytest.fixture(autouse=True)
def no_fits(monkeypatch):
    """Begin with no fit, and let each one end well."""
    FITS.clear()
    monkeypatch.setattr(Counted, "end", {})
    monkeypatch.setenv("PYTHONHASHSEED", "0")


def table(search, times=False):
    """What a search found, without times."""
    return {name: np.ma.asarray(values, object).tolist()
            for name, values in search.cv_results_.items() if times or "time" not in name}


def same_as_without(search, **arguments):
    """Say whether a search found what the same one without a journal finds."""
    alone = killed.search(None, **arguments).fit(ROWS, LABELS)
    return repr(table(search)) == repr(table(alone)) and search.best_index_ == alone.best_index_


@posix_only
@pytest.mark.parametrize(("fit", "n_workers"), [(0, 1), (5, 1), (11, 3), (16, 3)])
def test_a_search_that_is_killed_goes_on(fit, n_workers, tmp_path):
    journal = tmp_path / "search.jsonl"
    program = ROOT / "tests" / "support" / "killed_search.py"
    done = subprocess.run([sys.executable, program, journal, str(n_workers), str(fit)], env=PATHS,
                          capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    kept = sum(event["event"] in ("finished", "failed") for event in events(journal))
    search = killed.search(journal, n_workers=n_workers).fit(ROWS, LABELS)
    again = 1 if kept == 8 else 0  # scikit-learn wants rows of its own
    assert kept == (fit // 2 // n_workers) * n_workers if fit < 16 else kept == 8
    assert len(FITS) == 2 * (8 - kept + again) + 1
    assert same_as_without(search, n_workers=n_workers)
    assert [path.name for path in tmp_path.iterdir()] == ["search.jsonl"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_a_search_that_is_stopped_goes_on_with_the_same_estimator(end, tmp_path, monkeypatch):
    def stop():
        raise end
    search = killed.search(tmp_path / "search.jsonl")
    monkeypatch.setattr(Counted, "end", {7: stop})
    with pytest.raises(end):
        search.fit(ROWS, LABELS)
    assert not hasattr(search, "cv_results_") and not hasattr(search, "_ongoing")
    FITS.clear()
    monkeypatch.setattr(Counted, "end", {})
    assert same_as_without(search.fit(ROWS, LABELS))
    assert sum(1 for level in FITS) >= 2 * 5


def test_ctrl_c_ends_the_search_between_two_lines_of_the_journal(tmp_path, monkeypatch):
    monkeypatch.setattr(Counted, "end", {4: lambda: signal.raise_signal(signal.SIGINT)})
    search = killed.search(tmp_path / "search.jsonl")
    with pytest.raises(KeyboardInterrupt):
        search.fit(ROWS, LABELS)
    assert events(tmp_path / "search.jsonl")[-1]["event"] == "started"
    assert same_as_without(search.fit(ROWS, LABELS))


def test_a_complete_journal_gives_the_same_table_with_its_times(tmp_path):
    first = killed.search(tmp_path / "search.jsonl", return_train_score=True).fit(ROWS, LABELS)
    lines = (tmp_path / "search.jsonl").read_bytes()
    FITS.clear()
    second = killed.search(tmp_path / "search.jsonl", return_train_score=True).fit(ROWS, LABELS)
    assert repr(table(first, times=True)) == repr(table(second, times=True))
    assert len(FITS) == 2 + 1 and (tmp_path / "search.jsonl").read_bytes() == lines


def test_a_larger_number_of_trials_goes_on(tmp_path):
    killed.search(tmp_path / "search.jsonl", n_trials=3).fit(ROWS, LABELS)
    FITS.clear()
    search = killed.search(tmp_path / "search.jsonl").fit(ROWS, LABELS)
    assert len(FITS) == 2 * 5 + 1 and same_as_without(search)


@pytest.mark.parametrize("scheduler", ["successive_halving", "hyperband", "asha"])
def test_a_search_with_a_resource_goes_on(scheduler, tmp_path, monkeypatch):
    arguments = {"resource": "rounds", "max_resources": 4, "eta": 2, "scheduler": scheduler}

    def stop():
        raise KeyboardInterrupt
    for fit in (3, 11, 5):
        FITS.clear()
        monkeypatch.setattr(Counted, "end", {fit: stop})
        with pytest.raises(KeyboardInterrupt):
            killed.search(tmp_path / "search.jsonl", **arguments).fit(ROWS, LABELS)
    monkeypatch.setattr(Counted, "end", {})
    search = killed.search(tmp_path / "search.jsonl", **arguments).fit(ROWS, LABELS)
    assert same_as_without(search, **arguments)


def test_several_metrics_and_failures_come_back(tmp_path):
    arguments = {"scoring": score_twice, "refit": "level", "random_state": 1}
    first = killed.search(tmp_path / "search.jsonl", **arguments)
    with pytest.warns(UserWarning, match="non-finite"):
        first.fit(ROWS, LABELS)
    assert any(level > 0.95 for level in FITS)
    with pytest.warns(UserWarning, match="non-finite"):
        second = killed.search(tmp_path / "search.jsonl", **arguments).fit(ROWS, LABELS)
    assert repr(table(first, times=True)) == repr(table(second, times=True))


def score_twice(estimator, X, y):
    """Return two metrics."""
    return {"level": estimator.level, "half": estimator.level / 2}


@pytest.mark.parametrize(("arguments", "X", "y", "weights", "message"), [
    ({}, ROWS + 1, LABELS, None, "data.X.digest: '"),
    ({}, ROWS[:-2], LABELS[:-2], None, r"data.X.shape: \[24, 1\] in the journal, \[22, 1\] now"),
    ({}, ROWS, 1 - LABELS, None, "data.y.digest"),
    ({}, ROWS, LABELS, np.ones(24), "data.sample_weight.*'nothing' in the journal"),
    ({"estimator__rounds": 2}, ROWS, LABELS, None, "estimator.rounds: 1 in the journal, 2 now"),
    ({"estimator": LogisticRegression(), "config_space": {"C": 1.0}}, ROWS, LABELS, None,
     "estimator.class: 'Counted' in the journal, 'LogisticRegression' now"),
    ({"cv": 3}, ROWS, LABELS, None, "validation.folds"),
    ({"cv": StratifiedKFold(2, shuffle=True)}, ROWS, LABELS, None, "validation.folds"),
    ({"scoring": "accuracy"}, ROWS, LABELS, None, "validation.scoring: None in the journal, 'acc"),
    ({"return_train_score": True}, ROWS, LABELS, None, "validation.return_train_score"),
    ({"random_state": 4}, ROWS, LABELS, None, "scheduler.seed: 3 in the journal, 4 now"),
    ({"searcher": "sobol"}, ROWS, LABELS, None, "searcher: 'RandomSearcher' in the journal"),
    ({"config_space": {"level": stats.uniform(0, 2)}}, ROWS, LABELS, None, "scheduler.space"),
    ({"resource": "rounds", "max_resources": 2}, ROWS, LABELS, None, "validation.resource: None"),
])
def test_a_journal_of_another_search_is_refused(arguments, X, y, weights, message, tmp_path):
    journal = tmp_path / "search.jsonl"
    search = killed.search(journal, n_trials=2).fit(ROWS, LABELS)
    lines = journal.read_bytes()
    params = {} if weights is None else {"sample_weight": weights}
    with pytest.raises(ValueError, match=f"is the journal of another search: .*{message}"):
        search.set_params(**arguments).fit(X, y, **params)
    assert journal.read_bytes() == lines


def test_one_fit_at_a_time_uses_a_journal(tmp_path, monkeypatch):
    found = []

    def second():
        try:
            killed.search(tmp_path / "search.jsonl").fit(ROWS, LABELS)
        except RuntimeError as error:
            found.append(str(error))
    monkeypatch.setattr(Counted, "end", {1: second})
    killed.search(tmp_path / "search.jsonl").fit(ROWS, LABELS)
    assert len(found) == 1 and "is in use by another tuner" in found[0]


def test_a_thread_may_fit(tmp_path):
    search = killed.search(tmp_path / "search.jsonl")
    thread = threading.Thread(target=search.fit, args=(ROWS, LABELS))
    thread.start()
    thread.join()
    assert same_as_without(search)


def test_equal_data_and_estimators_have_equal_descriptions():
    dense = np.array([[0.0, 1.0], [2.0, 0.0]])
    first, second = sparse.csr_matrix(dense), sparse.coo_matrix(dense)
    assert describe_data(first) == describe_data(second) != describe_data(dense)
    assert describe_data(dense) == describe_data(dense.copy())
    assert describe_data(["a", "b"]) == describe_data(["a", "bc"[:1]])
    assert describe_data(None) is None and describe_data(7)["shape"] in (None, [])

    def pipeline(power, C):
        return make_pipeline(FunctionTransformer(lambda x: x**power), LogisticRegression(C=C))
    assert describe_estimator(pipeline(2, 1.0)) == describe_estimator(pipeline(2, 1.0))
    assert describe_estimator(pipeline(2, 1.0)) != describe_estimator(pipeline(3, 1.0))
    assert describe_estimator(pipeline(2, 1.0)) != describe_estimator(pipeline(2, 2.0))
    assert describe_estimator(Counted(helper=threading.Lock()))["helper"].startswith("lock")
    assert describe_estimator(Counted(helper=KFold(3))) == describe_estimator(
        Counted(helper=KFold(3))) != describe_estimator(Counted(helper=KFold(4)))
    assert describe_estimator(Counted(level=float("nan")))["level"] == "nan"


def test_the_folder_of_a_journal_has_to_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="make the journal's folder"):
        killed.search(tmp_path / "none" / "search.jsonl").fit(ROWS, LABELS)
    assert HPOSearchCV(Counted(), {"level": 0.5}).journal is None


def test_its_journal_has_a_page_and_a_summary_that_speak_of_examples(tmp_path, capsys):
    journal = tmp_path / "search.jsonl"
    X, y = load_iris(return_X_y=True)
    HPOSearchCV(SVC(), {"C": stats.loguniform(1e-2, 1e3)}, searcher="random", resource="n_samples",
                n_trials=9, min_resources=50, random_state=0, journal=journal).fit(X, y)
    text = search_page(journal, tmp_path / "search.html").read_text(encoding="utf-8")
    assert "<title>Search: SVC</title>" in text and "after 150 examples" in text
    assert "How do errors fall with more examples?" in text and "epoch" not in text
    assert main(["show", str(journal)]) == 0
    said = capsys.readouterr().out
    assert "after 150 examples" in said and "up to example 150" in said and "epoch" not in said
