"""The pages at hand: the cheat sheet's code runs, and what the front page says of its picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from config import ROOT, load_config
from scipy import stats

import d2l_hpo
from img.src import map as chapter_map
from img.src import search

CHAPTER = load_config(ROOT).chapter


def objective(config: dict, max_epochs: int = 1) -> dict[str, float]:
    """Return an error that falls with the epochs, and a latency."""
    return {"error": config["learning_rate"] + 1 / max_epochs, "latency": config["batch_size"]}


def test_the_searches_of_the_cheat_sheet_run(tmp_path, monkeypatch):
    text = (CHAPTER / "cheatsheet.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    tuners = []

    def tuner(*args, **kwargs):
        tuners.append(d2l_hpo.HPOTuner(*args, **kwargs))

    monkeypatch.chdir(tmp_path)
    names = {name: getattr(d2l_hpo, name) for name in d2l_hpo.__all__}
    exec(code, {**names, "HPOTuner": tuner, "stats": stats, "objective": objective})
    assert len(tuners) == 5
    for each in tuners:
        each.run(number_of_trials=3)
        assert each.records["trial_id"].nunique() >= 3 and each.records["error"].notna().all()
    assert (tmp_path / "search.jsonl").stat().st_size > 0


def test_domains_of_the_cheat_sheet_are_domains():
    text = (CHAPTER / "cheatsheet.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| `([^`]+)`", text, re.MULTILINE)
    names = {name: getattr(d2l_hpo, name) for name in d2l_hpo.__all__}
    domains = [eval(row, {**names, "stats": stats}) for row in rows if "epochs" not in row]
    assert len(domains) == 6
    space = {f"x{number}": domain for number, domain in enumerate(domains)}
    d2l_hpo.check_space({"layers": stats.randint(1, 5), **space})


def test_the_front_page_says_what_its_picture_shows():
    records = search.search()
    counts = [int((records["max_epochs"] == rung).sum()) for rung in search.RUNGS]
    assert counts == [27, 9, 3, 1]
    assert (records["max_epochs"] - records["epoch"]).sum() == 81
    best = records.loc[records["max_epochs"] == 27, "error"].item()
    text = " ".join((CHAPTER / "index.md").read_text(encoding="utf-8").split())
    [said] = re.findall(r"reaches 27 epochs with an error of (\d+) %", text)
    assert int(said) == round(100 * best)
    assert "this took 81" in text


def test_the_map_leads_to_sections_and_leaves_none_out():
    sections = set(load_config(ROOT).sections)
    linked = [page for _, group in chapter_map.GROUPS for _, page in group]
    assert len(set(linked)) == len(linked) and set(linked) <= sections
    tree = ElementTree.parse(ROOT / "img" / "map.svg")
    assert [link.get("href") for link in tree.iter("{http://www.w3.org/2000/svg}a")] == [
        f"{page}.html" for page in linked]


@pytest.mark.parametrize("term", ["rung", "incumbent", "winner's curse"])
def test_the_glossary_is_in_order_and_defines(term):
    text = (CHAPTER / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^(\S.*)\n  \S", text, re.MULTILINE)
    assert len(terms) >= 60 and term in terms
    assert terms == sorted(terms, key=str.lower)
