"""The page of a search: what it says, that it is whole and safe, and what it refuses."""
import itertools
import json
import math
import re
import sys
import warnings
from html.parser import HTMLParser

import numpy as np
import page_searches as searches
import pandas as pd
import pytest
from scipy import stats

from d2l_hpo import (
    ASHAScheduler,
    BasicScheduler,
    HPOTuner,
    RandomSearcher,
    read_journal,
    search_page,
    search_report,
)
from d2l_hpo.figures.colors import DARK_SEQUENCE, SEQUENCE
from d2l_hpo.measures import hyperparameter_importance
from d2l_hpo.measures.records import job_table
from d2l_hpo.pages import NumberAxis, WordAxis, axis_of, number, seconds, shorten, word_axis
from d2l_hpo.pages.charts import padded
from d2l_hpo.tuning.sources import view_search

VOID = {"meta", "link", "input", "img", "br"}
OPEN_ENDED = {"li", "td", "th", "tr"}  # HTML lets their ends out


class Reader(HTMLParser):
    """Reads a page, and notes its elements, texts, and what is not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts, self.wrong = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open[-1] != tag and self.open[-1] in OPEN_ENDED:
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    def attributes(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Write each search's page once; return their texts by name."""
    folder, texts = tmp_path_factory.mktemp("pages"), {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, make in searches.SEARCHES.items():
            path = search_page(make(), folder / f"{name}.html")
            texts[name] = path.read_text(encoding="utf-8")
    assert len([*folder.iterdir()]) == len(texts)
    return texts


@pytest.mark.parametrize("name", searches.SEARCHES)
def test_a_page_is_whole_and_asks_nobody(pages, name):
    text = pages[name]
    page = Reader(text)
    assert page.wrong == [] and page.open == []
    addresses = [attributes.get(key) for _, attributes in page.tags for key in ("src", "href")]
    assert all(address.startswith(("#", "data:,")) for address in addresses if address)
    assert not re.search(r"https?:|url\(|@import", text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.attributes("a")} <= {*ids}
    assert [tag for tag, _ in page.tags].count("script") == 1


@pytest.mark.parametrize("name", searches.SEARCHES)
def test_pictures_have_words_and_no_coordinate_is_lost(pages, name):
    page = Reader(pages[name])
    for svg in page.attributes("svg"):
        assert svg["role"] == "img" and len(svg["aria-label"]) > 20
    lists = json.loads(re.search(r"const rows = (.*);\n", pages[name])[1])["lists"]
    for path in page.attributes("path"):
        assert "nan" not in path["d"] and "inf" not in path["d"] and "e" not in path["d"]
        if "data-rows" in path:
            assert path["d"].count("M") == len(lists[path["data-rows"]])


def test_a_search_without_trials_says_so(pages):
    assert "What is searched?" in pages["none"] and "loguniform" in pages["none"]
    assert "<svg" not in pages["none"]


def test_few_failed_and_equal_trials_have_no_importance_but_a_sentence(pages):
    for name in ("one", "three", "constant"):
        assert "Too little is known to say" in pages[name]
    assert "All trials failed, so there is no best one." in pages["failed"]
    assert "25×" in pages["failed"] and "missing.csv" in pages["failed"]


def test_what_matters_is_found_and_numbers_are_said(pages):
    search, text = searches.tuner(60), pages["sixty"]
    assert "<bdi>learning_rate</bdi></strong>" in text
    assert f"Trial {search.incumbent_trial} is the incumbent" in text
    assert f"<strong>{number(search.incumbent_error)}</strong>" in text
    best = f"The smallest error, {number(search.incumbent_error)}, is at"
    assert text.count(best) >= len(search.incumbent) - 1 + 3  # pictures of one, and of pairs
    failed = (search.records["status"] == "failed").sum()
    assert f"{failed} trials of 60 failed, for 1 reason." in text
    assert "loss is nan after … steps" in text
    page = Reader(text)
    assert sum(tag == "tr" for tag, _ in page.tags) == 61


def test_a_search_of_many_epochs_has_learning_curves(pages):
    assert "How do errors fall with more epochs?" in pages["hyperband"]
    assert "How do errors fall with more epochs?" not in pages["sixty"]


def test_a_search_of_two_objectives_has_its_front(pages):
    assert "What does a better trial cost?" in pages["front"]
    assert "What does a better trial cost?" not in pages["sixty"]


def section(text, name):
    """The part of a page with a section's pictures and words."""
    return re.search(f'<section id="{name}".*?</section>', text, re.DOTALL)[0]


def labels(text, name):
    """What a section's pictures say to those who do not see them."""
    return [svg["aria-label"] for svg in Reader(section(text, name)).attributes("svg")]


def dots(text, name, class_):
    """The dots of a class in each picture of a section."""
    pictures = re.findall("<svg.*?</svg>", section(text, name), re.DOTALL)
    found = [re.search(f'<path d="([^"]*)" class="{class_}"', picture) for picture in pictures]
    return [0 if path is None else path[1].count("M") for path in found]


def test_trials_that_do_not_keep_the_limits_are_marked_and_never_the_best(pages):
    search, text = searches.everything(), pages["everything"]
    last = {row["trial_id"]: row for row in search.rows if row["status"] == "completed"}
    kept = {i for i, row in last.items() if row["info"]["memory"] < 3}
    over = len(last) - len(kept)
    assert 5 < over and 5 < len(kept) and search.incumbent_trial in kept
    smallest = min(last[i]["error"] for i in kept)
    assert smallest > min(row["error"] for row in last.values())
    words = "Small grey dots cannot be the best: they did not keep <bdi>memory</bdi> below 3."
    for name in ("best", "values", "pairs", "front"):
        assert words in section(text, name)
        assert set(dots(text, name, "dots exceeding")) == {over}
    assert "Grey lines cannot be the best" in section(text, "parallel")
    assert dots(text, "parallel", "lines pale-lines") == [over]
    for name in ("values", "pairs"):
        assert all(f"he smallest error, {number(smallest)}, is at" in label
                   for label in labels(text, name))
    assert f"{len(kept)} trials that keep the limits as lines" in labels(text, "parallel")[0]
    assert text.count("<td>not kept<") == over and text.count("<td>kept<") == len(kept)


def test_the_front_is_that_of_trials_that_keep_the_limits(pages):
    search = searches.everything()
    table = {row["trial_id"]: (row["error"], row["info"]["size"]) for row in search.rows
             if row["status"] == "completed" and row["info"]["memory"] < 3}
    last = {row["trial_id"]: row for row in search.rows if row["status"] == "completed"}
    kept = {i: point for i, point in table.items() if last[i]["info"]["memory"] < 3}
    front = {i for i, (error, size) in kept.items() if not any(
        e <= error and s <= size and (e, s) != (error, size) for e, s in kept.values())}
    rows = re.findall(r'<tr><th scope="row">(\d+)</th>', section(pages["everything"], "front"))
    assert {*map(int, rows)} == front and len(front) > 3
    assert "no other trial that keeps the limits is better in all" in pages["everything"]
    assert "No trial has all" not in pages["everything"]


def test_without_a_trial_that_keeps_the_limits_there_is_no_best_one(pages):
    text = pages["infeasible"]
    assert "No trial can be the best yet: a limit was not kept." in text
    assert "no trial with it has an error and keeps the limits" in text
    assert all("smallest error" not in label for label in labels(text, "values"))


def test_the_line_of_the_best_is_the_incumbents_and_dots_below_it_are_explained(pages, tmp_path):
    assert all("The line is the incumbent's error so far" in pages[name]
               for name in ("sixty", "hyperband", "everything", "folds"))
    assert all("below the line" not in text for text in pages.values())

    class OwnSearcher(RandomSearcher):
        def score(self, config, error, info):
            return error if config["x"] > 0.5 else math.inf
    search = searches.tuner(10, lambda config: config["x"], {"x": stats.uniform(0, 1)}, OwnSearcher)
    text = search_page(search, tmp_path / "search.html").read_text(encoding="utf-8")
    assert "Dots below the line cannot be the best: the scheduler says so." in text
    assert "How do errors fall with more folds?" in pages["folds"]
    assert "epoch" not in section(pages["folds"], "curves") + section(pages["folds"], "values")


def test_a_trial_whose_errors_rise_again_has_its_best_report_on_the_axis(pages):
    search, text = searches.SEARCHES["one report"](), pages["one report"]
    errors = search.records["error"]
    assert errors.iloc[-1] > 1.05 * errors.min() == pytest.approx(1.05 * search.incumbent_error)
    curve = re.search(r'<path d="M([^"]*)" class="curve"', section(text, "best"))[1]
    heights = [float(y) for y in re.findall(r"V([\d.]+)", curve)]
    assert len(heights) > 2 and heights == sorted({*heights})  # it falls, step by step
    assert "a dot is a trial's last report" in section(text, "best")
    assert re.search(r'<path d="(M[^"]*)" class="dots pale"', section(text, "best"))[1].count(
        "M") == 1


def test_reports_of_a_trial_are_one_bar_and_trials_with_one_report_are_dots(pages):
    search, text = searches.everything(), pages["everything"]
    lists = json.loads(re.search(r"const rows = (.*);\n", text)[1])["lists"]
    done = search.records[search.records["status"] == "completed"]
    assert len(lists["bars-done"]) == done["trial_id"].nunique() < len(done)
    counts = done["trial_id"].value_counts()
    assert len(lists["curve-dots"]) == (counts == 1).sum() > 0
    assert len(lists["curves"]) == (counts > 1).sum() > 0
    assert "A dot is a trial with one report." in section(text, "curves")


def test_a_trial_that_failed_before_its_first_report_has_no_epochs(pages):
    rows = re.findall(r"<tr><th scope=row>\d+(?:<td>[^<]*)*", pages["failed reports"])
    assert len(rows) == 12 and all("<td>9<" not in row for row in rows)
    assert "All trials failed, so there is no best one. A cross is a failure." in (
        pages["failed reports"])


def test_crosses_are_explained_where_there_are_any(pages):
    for name in ("best", "values", "pairs"):
        assert "A cross is a failure." in section(pages["sixty"], name)
        assert "A cross is a failure." not in pages["hyperband"]


def test_one_hyperparameter_has_no_pairs_and_constants_have_no_pictures_of_values(pages):
    text = pages["one hyperparameter"]
    assert "Which hyperparameters matter?" in text and "Do two hyperparameters" not in text
    text = pages["constants"]
    assert "Which hyperparameters matter?" not in text and "How good is the best so far?" in text


def test_a_report_on_a_page_has_no_marks_of_markdown(pages):
    assert "`" not in "".join(Reader(section(pages["sixty"], "report")).texts)
    assert "1 trial in 9 jobs on 1 worker," in pages["one report"]


def test_names_and_values_of_all_kinds_are_shown_and_do_nothing(pages):
    text = pages["odd"]
    page = Reader(text)
    assert not page.attributes("img") and "alert(1)</script>" not in text
    assert any("<script>alert(1)</script>" in words for words in page.texts)
    assert any("</pre><script>alert(2)" in words for words in page.texts)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]",
                         text.replace("\n", "").replace("\t", ""))
    assert "nan" not in "".join(page.texts).replace("…", "")


def test_a_title_and_a_report_are_escaped_and_shown(tmp_path):
    search = searches.tuner(5)
    report = search_report(search, [0.1, 0.2], 0.25, 300)
    page = search_page(search, tmp_path / "a.html", title="</title><b>", report=report)
    text = page.read_text(encoding="utf-8")
    assert "<title>&lt;/title&gt;&lt;b&gt;</title>" in text
    assert "error 0.2500, standard error 0.0250" in text and "Not there yet" not in text
    text = search_page(search, page, report="no <table>").read_text(encoding="utf-8")
    assert "no &lt;table&gt;</pre>" in text


def test_a_thousand_trials_fit_and_of_ten_thousand_the_best_are_shown(tmp_path):
    path = search_page(searches.tuner(1000), tmp_path / "search.html")
    assert path.stat().st_size <= 500_000
    records = searches.large()
    text = search_page(records, path).read_text(encoding="utf-8")
    assert len(text) <= 600_000
    assert "1,000 of 10,000 trials: the best 500 and evenly many" in text
    shown = {int(i) for i in re.findall(r"<tr><th scope=row>(\d+)", text)}
    assert len(shown) == 1000
    assert {*records.sort_values("error")["trial_id"][:500]} <= shown


def test_many_reports_and_wide_spaces_fit_too_and_the_incumbent_is_shown(tmp_path):
    wide = searches.NETWORK | {f"more_{i}": stats.uniform(0, 1) for i in range(9)}
    search = searches.everything(800, wide)
    assert len(search.rows) > 2000
    path = search_page(search, tmp_path / "search.html")
    text = path.read_text(encoding="utf-8")
    shown = {int(i) for i in re.findall(r"<tr><th scope=row>(\d+)", text)}
    assert 400_000 < path.stat().st_size <= 500_000
    assert f"{len(shown)} of 800 trials" in text and 300 < len(shown) < 800
    assert search.incumbent_trial in shown


# -- sources --------------------------------------------------------------------------------------

def test_tuner_journal_and_records_have_the_same_pictures(tmp_path):
    journal = tmp_path / "search.jsonl"
    search = searches.tuner(0)
    search = HPOTuner(search.scheduler, searches.error, journal=journal)
    search.run(number_of_trials=30)
    texts = [search_page(source, tmp_path / "search.html", title="a").read_text(encoding="utf-8")
             for source in (search, journal, str(journal), read_journal(journal))]
    assert len(set(texts)) == 1
    records = search_page(search.records, tmp_path / "search.html").read_text(encoding="utf-8")
    assert "The records do not say what was searched." in records
    assert records.split("<svg")[1].split("</svg>")[0] == (
        texts[0].split("<svg")[1].split("</svg>")[0])


def test_epochs_that_a_table_made_floats_are_the_same_epochs(tmp_path):
    """pandas does so where another row has none, as after reading a file."""
    search = HPOTuner(ASHAScheduler(RandomSearcher({"x": stats.uniform(0, 1)}), 2, 1, 4),
                      lambda config, max_epochs: config["x"] / max_epochs)
    search.run(number_of_trials=8)
    jobs = view_search(search.records.astype({"max_epochs": float})).jobs
    assert [job.max_epochs for job in jobs] == search.records["max_epochs"].tolist()
    assert {type(job.max_epochs) for job in jobs} == {int}


@pytest.mark.parametrize("source", [None, 3, [1], {"a": 1}, object])
def test_another_source_is_refused(source, tmp_path):
    with pytest.raises(TypeError, match="expected an HPOTuner, its records, a journal's path"):
        search_page(source, tmp_path / "search.html")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(("column", "value", "message"), [
    ("config", "{'x': 1}", r"row 1 of the records has config \"\{'x': 1\}\", expected a dict"),
    ("info", None, "row 1 of the records has info None, expected a dict"),
    ("error", "low", "has error 'low', expected a number"),
    ("trial_id", None, "has trial_id (None|nan), expected an integer"),
])
def test_records_with_another_value_are_refused_naming_it(tmp_path, column, value, message):
    records = searches.tuner(3).records.astype(object)
    records.at[1, column] = value
    with pytest.raises(ValueError, match=message):
        search_page(records, tmp_path / "search.html")


def test_records_without_a_column_are_refused_naming_it(tmp_path):
    with pytest.raises(ValueError, match="the records lack start, info"):
        search_page(searches.tuner(2).records.drop(columns=["start", "info"]), tmp_path / "a.html")


def test_a_page_in_no_folder_is_refused_and_an_old_page_stays(tmp_path):
    search = searches.tuner(2)
    with pytest.raises(FileNotFoundError, match="nowhere does not exist; make the page's folder"):
        search_page(search, tmp_path / "nowhere" / "search.html")
    path = tmp_path / "search.html"
    path.write_text("old")
    for options in ({"title": 3}, {"report": ["a"]}):
        with pytest.raises(TypeError, match="expected a text"):
            search_page(search, path, **options)
    assert path.read_text() == "old" and [*tmp_path.iterdir()] == [path]


def test_an_empty_table_has_a_page(tmp_path):
    text = search_page(job_table([]), tmp_path / "a.html").read_text(encoding="utf-8")
    assert "What is searched?" in text


def test_a_scheduler_that_cannot_be_described_has_a_page(tmp_path):
    search = searches.tuner(4)
    search.scheduler.describe = lambda: (_ for _ in ()).throw(NotImplementedError("no words"))
    text = search_page(search, tmp_path / "a.html").read_text(encoding="utf-8")
    assert "The scheduler cannot be described: no words." in text


def test_a_search_that_was_interrupted_names_its_trials(tmp_path):
    journal = tmp_path / "search.jsonl"
    HPOTuner(searches.tuner(0).scheduler, searches.error, journal=journal).run(3)
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join(lines[:-1]) + "\n")
    text = search_page(journal, tmp_path / "a.html").read_text(encoding="utf-8")
    assert "1 trial did not end: trial 2." in text
    assert view_search(journal).running.keys() == {2}


# -- axes and numbers -----------------------------------------------------------------------------

@pytest.mark.parametrize(("axis", "labels"), [
    (NumberAxis(0, 1), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
    (NumberAxis(-3, 7), ["-2", "0", "2", "4", "6"]),
    (NumberAxis(1, 4, is_integer=True), ["1", "2", "3", "4"]),
    (NumberAxis(16, 256, True), ["20", "50", "100", "200"]),
    (NumberAxis(1e-4, 1, True), ["0.0001", "0.001", "0.01", "0.1", "1"]),
    (NumberAxis(2, 3, True), ["2", "2.2", "2.4", "2.6", "2.8", "3"]),
    (NumberAxis(5, 5), ["5"]),
    (NumberAxis(-1.7e308, 1.7e308), ["-1e308", "0", "1e308"]),
])
def test_ticks_are_round_numbers(axis, labels):
    ticks = axis.ticks()
    assert [label for _, label in ticks] == labels
    places = [place for place, _ in ticks]
    assert places == sorted(places) and all(-1e-9 <= place <= 1 + 1e-9 for place in places)


EXTREMES = [-sys.float_info.max, -1e308, -5e-324, 0.0, 5e-324, 1e-308, 1.0, 1 + 2**-52, 1e300,
            sys.float_info.max]


@pytest.mark.parametrize(("low", "high"), itertools.combinations(EXTREMES, 2))
@pytest.mark.parametrize("is_integer", [False, True])
def test_an_axis_may_span_all_floats(low, high, is_integer):
    for is_log in {False, low > 0}:
        short = NumberAxis(low, high, is_log, is_integer)
        for axis in (short, padded(short)):
            places = [place for place, _ in axis.ticks()]
            places += [axis.place(value) for value in (low, low / 2 + high / 2, high)]
            assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)


@pytest.mark.parametrize("errors", [
    [sys.float_info.max, 0.1, 0.2], [sys.float_info.max, -sys.float_info.max, 0.0] * 4,
    [1e-320, 1.0, 1e300], [5e-324, 0.0], [-5e-324, 5e-324]], ids=str)
def test_a_page_shows_errors_at_the_ends_of_what_a_float_can_be(tmp_path, errors):
    """Infinity has no place in optuna/optuna#3382; penalties are often the largest float."""
    left = iter(errors)
    search = HPOTuner(BasicScheduler(RandomSearcher({"x": stats.uniform(0, 1)})),
                      lambda config: next(left))
    search.run(number_of_trials=len(errors))
    text = search_page(search, tmp_path / "search.html").read_text(encoding="utf-8")
    assert not re.search(r'[ "(,MHVLl](nan|inf|-inf)\b', text)


def test_a_described_domain_decides_about_its_axis():
    domains = {domain["name"]: domain for domain in
               searches.tuner(0).scheduler.describe()["space"]}
    axes = {name: axis_of([], domain) for name, domain in domains.items() if name != "batches"}
    assert axes["learning_rate"] == NumberAxis(1e-4, 1.0, True)
    assert axes["units"] == NumberAxis(8, 512, True, True)
    assert axes["dropout"] == NumberAxis(0, 0.7) and axes["layers"] == NumberAxis(1, 3, False, True)
    assert axes["optimizer"] == WordAxis(("sgd", "adam"))


@pytest.mark.parametrize(("values", "axis"), [
    ([0.001, 10.0], NumberAxis(0.001, 10.0, True)), ([1, 5], NumberAxis(1, 5, False, True)),
    ([1, math.nan], NumberAxis(1, 1, False)), ([1, True, "1"], WordAxis(("1", "True", "'1'"))),
    ([None], WordAxis(("None",))), ([], WordAxis(("–",))), ([math.inf], WordAxis(("∞",))),
    ([[1, 2]], WordAxis(("[1, 2]",))), ([np.float32(2), 10**400], NumberAxis(2, 2, False)),
])
def test_an_axis_without_a_domain_follows_the_values(values, axis):
    found = axis_of(values)
    assert found == axis
    for value in values:
        place = found.place(value)
        assert place is None or 0 <= place <= 1


def test_of_many_words_the_most_frequent_have_a_place():
    axis = word_axis([f"w{i}" for i in range(30)] + ["w20"] * 2)
    assert len(axis.words) == 12 and "w20" in axis.words
    assert axis.place("w29") == pytest.approx(1 - 0.5 / 12)


def test_numbers_are_short():
    given = [0.123456, 1e-7, 25000, 1e12, math.nan, -math.inf, 3.0, 0]
    assert [number(x) for x in given] == ["0.1235", "1e-7", "25000", "1e12", "–", "−∞", "3", "0"]
    assert [seconds(x) for x in (0.5, 100, 300, 9000)] == ["0.5 s", "100 s", "5 min", "2.5 h"]
    assert len(shorten("a" * 100, 10)) == 10 and shorten("abc", 3) == "abc"


def test_shades_are_those_of_viridis():
    from matplotlib import pyplot as plt
    from matplotlib.colors import to_hex
    assert [to_hex(c) for c in plt.cm.viridis(np.linspace(0, 0.85, 6))] == [*SEQUENCE]
    assert [to_hex(c) for c in plt.cm.viridis(np.linspace(1, 0.3, 6))] == [*DARK_SEQUENCE]


# -- importance -----------------------------------------------------------------------------------

def test_effects_are_those_of_a_function_that_is_known():
    x = np.random.default_rng(1).random((400, 3))
    errors = x[:, 0] + 0.5 * x[:, 1]  # about 0.8 and 0.2 of the variance
    found = hyperparameter_importance(x, errors)
    assert found.mean.argsort().tolist() == [2, 1, 0]
    assert 0.65 < found.mean[0] < 0.95 and 0.08 < found.mean[1] < 0.35 and found.mean[2] < 0.02
    assert (found.low <= found.mean).all() and (found.mean <= found.high).all()
    assert found.explained > 0.9


def test_what_works_only_together_has_effects_of_both():
    x = np.random.default_rng(2).random((500, 3))
    found = hyperparameter_importance(x, (x[:, 0] > 0.5) ^ (x[:, 1] > 0.5))
    assert found.mean[:2].min() > 0.6 and found.mean[2] < 0.1 and found.mean.sum() > 1.3


def test_no_effect_is_more_than_everything():
    x = np.arange(20.0)[:, None] % 2
    found = hyperparameter_importance(x, x[:, 0])
    assert found.high[0] == 1.0 >= found.mean[0] > 0.8


def test_noise_is_not_explained():
    rng = np.random.default_rng(3)
    assert hyperparameter_importance(rng.random((60, 2)), rng.random(60)).explained < 0.1


@pytest.mark.parametrize(("n", "d"), [(0, 2), (19, 2), (30, 8), (40, 0)])
def test_too_little_gives_nothing(n, d):
    assert hyperparameter_importance(np.random.default_rng(0).random((n, d)), np.arange(n)) is None


@pytest.mark.parametrize(("n", "d"), [(20, 1), (20, 5), (24, 6)])
def test_as_much_as_is_said_to_be_enough_is_enough(n, d):
    x = np.random.default_rng(0).random((n, d))
    assert hyperparameter_importance(x, x[:, 0], replicates=2).mean.argmax() == 0


def test_of_many_trials_each_counts_once():
    """A trial that is drawn twice would be found among those that a tree has not seen."""
    rng = np.random.default_rng(5)
    found = hyperparameter_importance(rng.random((2100, 2)), rng.random(2100), replicates=1)
    assert found.explained < 0.1


def test_an_inactive_hyperparameter_and_many_trials_are_no_trouble():
    x = np.random.default_rng(4).random((2500, 2))
    x[x[:, 0] < 0.5, 1] = np.nan
    found = hyperparameter_importance(x, x[:, 0], replicates=4)
    assert found.mean[0] > 0.9 > 0.1 > found.mean[1]


def test_pandas_index_does_not_matter(tmp_path):
    records = searches.tuner(5).records
    shuffled = records.set_index(pd.Index([9, 9, 3, 1, 0]))
    one, other = (search_page(table, tmp_path / "a.html").read_bytes()
                  for table in (records, shuffled))
    assert one == other
