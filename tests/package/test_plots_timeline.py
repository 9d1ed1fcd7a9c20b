"""The timeline of a search, checked by reading the bars that were drawn."""
import io

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from d2l_hpo import COLORS, plot_timeline, use_style
from d2l_hpo.figures.plots import IDLE


@pytest.fixture(autouse=True)
def without_windows():
    """Draw without windows, and close what was drawn."""
    matplotlib.use("Agg")
    yield
    plt.close("all")


def records(jobs, failed=()):
    """Records of jobs (worker, start, end), of which the ones at the places `failed` failed."""
    table = pd.DataFrame(jobs, columns=["worker", "start", "end"])
    table["trial_id"] = range(len(table))
    table["status"] = ["failed" if i in failed else "completed" for i in range(len(table))]
    return table


def bars(collection):
    """The bars of a collection as (worker, start, end)."""
    corners = [path.vertices for path in collection.get_paths()]
    return [(round(float(c[:, 1].min() + c[:, 1].max()) / 2, 9), c[:, 0].min(), c[:, 0].max())
            for c in corners]


JOBS = [(0, 0.0, 2.0), (1, 0.0, 1.0), (1, 1.5, 4.0), (0, 2.0, 3.0)]


def test_each_job_is_a_bar_on_its_worker_and_the_rest_is_grey():
    ax = plot_timeline(records(JOBS))
    idle, jobs = ax.collections
    assert bars(idle) == [(0, 0, 4), (1, 0, 4)]
    assert bars(jobs) == JOBS
    assert to_hex(idle.get_facecolor()[0]) == IDLE
    assert to_hex(jobs.get_facecolor()[0]) == COLORS["random search"].lower()
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 4), (-0.5, 1.5))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("wall-clock time (s)", "worker")


def test_bars_of_two_workers_do_not_touch():
    heights = [np.ptp(path.vertices[:, 1]) for path in plot_timeline(records(JOBS))
               .collections[1].get_paths()]
    assert max(heights) < 1


def test_failed_jobs_are_hatched():
    _, jobs, failed = plot_timeline(records(JOBS, failed=[1, 2])).collections
    assert (jobs.get_hatch(), failed.get_hatch()) == (None, "////")
    assert bars(failed) == JOBS[1:3]
    assert bars(jobs) == [JOBS[0], JOBS[3]]


def test_a_column_gives_colours_and_a_legend():
    table = records(JOBS).assign(max_epochs=[1, 3, 3, 9])
    ax = plot_timeline(table, color_by="max_epochs")
    _, *groups = ax.collections
    assert [len(group.get_paths()) for group in groups] == [1, 2, 1]
    assert len({to_hex(group.get_facecolor()[0]) for group in groups}) == 3
    legend = ax.get_legend()
    assert legend.get_title().get_text() == "max_epochs"
    assert [text.get_text() for text in legend.get_texts()] == ["1", "3", "9"]


def test_many_colours_have_no_legend():
    jobs = [(0, float(i), i + 1.0) for i in range(9)]
    assert plot_timeline(records(jobs), color_by="trial_id").get_legend() is None
    assert plot_timeline(records(jobs)).get_legend() is None


@pytest.mark.parametrize("names", [[1, np.nan, 3, np.nan], ["1", None, "3", None]])
def test_missing_values_have_a_colour_of_their_own(names):
    ax = plot_timeline(records(JOBS).assign(max_epochs=names), color_by="max_epochs")
    _, *groups = ax.collections
    assert [len(group.get_paths()) for group in groups] == [1, 1, 2]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["1", "3", "nan"]


def test_workers_without_a_job_are_idle():
    ax = plot_timeline(records(JOBS), n_workers=4)
    assert len(ax.collections[0].get_paths()) == 4
    assert ax.get_ylim() == (-0.5, 3.5)


def test_before_the_first_job_all_workers_are_idle():
    idle, = plot_timeline(records([]), n_workers=2).collections
    assert len(idle.get_paths()) == 2


@pytest.mark.parametrize(("table", "n_workers"), [(records([]), None), (records(JOBS), 1),
                                                  (records(JOBS), 0)])
def test_too_few_workers_are_an_error(table, n_workers):
    with pytest.raises(ValueError, match=f"n_workers is {n_workers}"):
        plot_timeline(table, n_workers=n_workers)


@pytest.mark.parametrize("workers", [1, 2, 1000])
def test_any_number_of_workers_is_a_small_readable_figure(workers):
    use_style()
    jobs = [(worker, float(i), i + 1.0) for worker in range(workers) for i in range(5)]
    files = []
    for _ in range(2):
        ax = plot_timeline(records(jobs))
        buffer = io.BytesIO()
        ax.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        files.append(buffer.getvalue())
    assert files[0] == files[1]
    assert len(files[0]) < 100_000
    shown = [tick for tick in ax.get_yticks() if 0 <= tick < workers]
    assert min(workers, 2) <= len(shown) <= 10
    assert all(tick == round(tick) for tick in shown)


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="color_by is 'foo', expected one of worker, start"):
        plot_timeline(records(JOBS), color_by="foo")
