"""The laboratory's modules decide, predict and count as the package does."""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
from collections.abc import Callable
from typing import Any

import lab_expected as expected
import laboratory
import numpy as np
import pytest
from built_book import BOOK, unavailable
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_runner import evaluate, in_browser, in_node
from myst import Fence, walk
from scipy import stats
from scipy.special import ndtr
from scipy.stats import qmc

from d2l_hpo import (ASHAScheduler, HPOSearcher, HyperbandScheduler, SuccessiveHalvingScheduler,
                     hyperband_brackets, rung_levels)

SCENARIOS = 10_000  # for each scheduler
MOST_BYTES = 150_000  # that a page may become heavier


# -- Schedulers -----------------------------------------------------------------------------------

class Numbers(HPOSearcher):
    """Proposes 0, 1, ... up to a limit."""

    space = {"x": stats.randint(0, 1000)}

    def __init__(self, limit: int) -> None:
        super().__init__(self.space)
        self.left = iter(range(limit))

    def propose(self) -> dict[str, int] | None:
        """Return the next number, or None."""
        number = next(self.left, None)
        return None if number is None else {"x": number}


def scenario(rng: np.random.Generator, kind: str) -> dict[str, Any]:
    """Return random settings, and random actions: to suggest, or to report an error."""
    eta, first = int(rng.integers(2, 5)), int(rng.integers(1, 5))
    last = int(rng.integers(first, 30))
    made: dict[str, Any] = {"eta": eta, "rMin": first, "rMax": last}
    if kind == "ASHAScheduler":
        made["mode"] = str(rng.choice(["promotion", "stopping"]))
    else:
        made["rounds"] = [None, 1, 2][rng.integers(3)]
        made["openBrackets"] = [None, 1, 2][rng.integers(3)]
    if kind == "SuccessiveHalvingScheduler":
        smallest = eta ** (len(rung_levels(first, last, eta)) - 1)
        made["n"] = [None, smallest + int(rng.integers(4))][rng.integers(2)]
    # the errors are few, so that there are ties, and -1 is a failure
    return {"settings": made, "limit": int(rng.integers(1, 60)),
            "actions": rng.integers([0, -1], [30, 12], (int(rng.integers(10, 70)), 2)).tolist()}


def play(kind: Callable[..., Any], given: dict[str, Any]) -> list[Any]:
    """Return what the package's scheduler suggests, and who never goes on."""
    names = {"rMin": "r_min", "rMax": "r_max", "openBrackets": "open_brackets"}
    scheduler = kind(Numbers(given["limit"]),
                     **{names.get(key, key): value for key, value in given["settings"].items()})
    running, suggested = [], []
    for choice, error in given["actions"]:
        if choice % 2 == 0 or not running:
            trial = scheduler.suggest()
            suggested.append(trial and [trial.trial_id, trial.config["x"], trial.epoch,
                                        trial.max_epochs])
            running += [trial] if trial else []
        else:
            trial = running.pop(choice // 2 % len(running))
            scheduler.update(trial, math.nan if error < 0 else error / 20)
    return [suggested, scheduler.ended()]


PLAY = """([kind, scenarios]) => scenarios.map(({settings, limit, actions}) => {
  const numbers = lab.range(0, limit);
  const given = Object.fromEntries(Object.entries(settings).filter(([, v]) => v !== null));
  const scheduler = new lab.schedulers[kind](() => numbers.shift() ?? null, given);
  const [running, suggested] = [[], []];
  for (const [choice, error] of actions) {
    if (choice % 2 === 0 || !running.length) {
      const trial = scheduler.suggest();
      suggested.push(trial && [trial.id, trial.config, trial.epoch, trial.maxEpochs]);
      if (trial) running.push(trial);
    } else {
      const [trial] = running.splice(Math.floor(choice / 2) % running.length, 1);
      scheduler.update(trial, error < 0 ? NaN : error / 20);
    }
  }
  return [suggested, scheduler.over];
})"""


@pytest.mark.parametrize("kind", [ASHAScheduler, SuccessiveHalvingScheduler, HyperbandScheduler])
def test_schedulers_decide_as_those_of_the_package(kind: Callable[..., Any]) -> None:
    rng = np.random.default_rng(3)
    scenarios = [scenario(rng, kind.__name__) for _ in range(SCENARIOS)]
    package = [play(kind, given) for given in scenarios]
    assert evaluate(PLAY, [kind.__name__, scenarios]) == package
    resumed = sum(trial is not None and trial[2] > 0 for one, _ in package for trial in one)
    assert resumed > SCENARIOS and sum(len(over) for _, over in package) > SCENARIOS


def test_rungs_and_brackets_are_those_of_the_package() -> None:
    cases = [(eta, first, last) for eta in (2, 3, 4, 9) for last in range(1, 82)
             for first in range(1, last + 1)]
    found = evaluate("""cases => cases.map(([eta, first, last]) => {
        const rungs = lab.schedulers.rungLevels(first, last, eta);
        return [rungs, lab.schedulers.hyperbandBrackets(rungs, eta)]; })""", cases)
    for (eta, first, last), (rungs, brackets) in zip(cases, found, strict=True):
        assert rungs == rung_levels(first, last, eta)
        assert [(bracket["size"], bracket["rungs"]) for bracket in brackets] == (
            hyperband_brackets(rungs, eta))


COMPUTE = """([name, cases]) => cases.map(settings => {
    const spec = lab.explorables[name];
    const usual = lab.frame.defaults(spec.controls(lab.data));
    return (%s)(spec.compute({...usual, ...settings}, lab.data)); })"""


def computed(name: str, cases: list[dict[str, Any]], summary: str) -> list[Any]:
    """Return a summary of what an explorable computes in each case."""
    return evaluate(COMPUTE % summary, [name, cases])


def test_halving_on_recorded_curves_ends_as_in_the_package() -> None:
    rng = np.random.default_rng(0)
    cases = [{"method": method, "eta": eta, "first": first, "size": int(rng.integers(8, 129)),
              "order": int(rng.integers(1, laboratory.ORDERS + 1)),
              "pool": str(rng.choice(["all", "best"]))}
             for method, eta, first in itertools.product(("halving", "hyperband"), (2, 3, 4, 27),
                                                         (1, 2, 3, 9, 27))]
    found = computed("halving", cases, """({trials, finished, cost, winner, regret, wrong}) => (
        {trials: trials.length, finished, cost, winner: winner.id, error: winner.final, regret,
         wrong: wrong.map(({id}) => id).sort((a, b) => a - b)})""")
    for case, result in zip(cases, found, strict=True):
        wanted = expected.halving(**case)
        assert result == {name: wanted[name] for name in result}, case
    assert any(result["regret"] > 0 for result in found)
    assert any(result["wrong"] for result in found)


def test_halving_in_all_orders_ends_as_in_the_package() -> None:
    cases = [{}, {"eta": 2, "size": 100}, {"eta": 27, "first": 9}, {"method": "hyperband"},
             {"pool": "best"}, {"pool": "best", "first": 27}]
    found = computed("halving", cases, "({all: {passed, means}}) => ({passed, means})")
    for case, result in zip(cases, found, strict=True):
        wanted = expected.halving_orders(**case)
        assert result["passed"] == wanted["passed"], case
        assert [value is None for value in result["means"]] == [
            value is None for value in wanted["means"]], case
        np.testing.assert_allclose([value for value in result["means"] if value],
                                   [value for value in wanted["means"] if value], atol=1e-12)


def test_hyperbands_brackets_are_told() -> None:
    found = computed("halving", [{"method": "hyperband", "eta": eta, "first": first}
                                 for eta, first in ((4, 2), (3, 1), (3, 27))],
                     "({brackets}) => brackets.map(({size, rungs}) => [size, ...rungs])")
    for (eta, first), brackets in zip(((4, 2), (3, 1), (3, 27)), found, strict=True):
        assert brackets == [[size, *rungs] for size, rungs in hyperband_brackets(
            rung_levels(first, 27, eta), eta)]


def test_asha_on_the_cluster_runs_as_in_the_package() -> None:
    rng = np.random.default_rng(1)
    cases = [{"mode": mode, "eta": eta, "first": first, "workers": int(rng.integers(1, 65)),
              "slow": int(rng.choice([0, 10, 30])), "time": int(rng.integers(1, 101)),
              "order": int(rng.integers(1, laboratory.ORDERS + 1))}
             for mode, eta, first in itertools.product(
                 ("promotion", "stopping", "bracket", "brackets"), (2, 3, 4), (1, 2, 3, 9, 27))]
    found = computed("asha", cases, """result => ({
        trials: result.trials, finished: result.finished, promoted: result.promoted,
        stopped: result.stopped, limit: result.limit, busy: result.busy,
        regret: result.regret.length ? result.regret.at(-1).regret : null,
        wrong_promotions: result.wrongPromotions.sort((a, b) => a - b),
        wrong_stops: result.wrongStops.sort((a, b) => a - b),
        jobs: result.begun.map(job => [job.id, job.epoch, job.maxEpochs, job.worker, job.start,
                                       job.end])})""")
    for case, result in zip(cases, found, strict=True):
        wanted = expected.asha(**case)
        jobs, regret, busy = (result.pop(name) for name in ("jobs", "regret", "busy"))
        assert busy == pytest.approx(wanted["busy"], rel=1e-9)
        records = wanted["records"]
        records = records[records["start"] < result["limit"] * case["time"] / 100]
        columns = ["trial_id", "epoch", "max_epochs", "worker", "start", "end"]
        np.testing.assert_allclose(jobs, records[columns].to_numpy(float), rtol=1e-12)
        assert regret is None or regret == pytest.approx(wanted["regret"], abs=1e-12), case
        assert result["limit"] == pytest.approx(wanted["limit"], rel=1e-12)
        assert result | {"limit": 0} == {name: wanted[name] for name in result} | {"limit": 0}
    assert any(result["wrong_promotions"] for result in found)
    assert any(result["wrong_stops"] for result in found)


def test_asha_in_all_orders_runs_as_in_the_package() -> None:
    cases = [{"mode": "promotion", "time": 100, "workers": 8}, {"mode": "stopping", "time": 30},
             {"mode": "brackets", "slow": 10, "time": 77}, {"mode": "bracket", "time": 0},
             {"mode": "promotion", "first": 27, "workers": 64, "time": 100}]
    usual = {"eta": 3, "first": 1, "workers": 8, "slow": 0}
    found = computed("asha", [{**usual, **case} for case in cases], "({all}) => all")
    for case, result in zip(cases, found, strict=True):
        wanted = expected.asha_orders(**{**usual, **case})
        assert result["promoted"] == pytest.approx(wanted["promoted"], abs=1e-12), case
        assert result["wrong"] == pytest.approx(wanted["wrong"], abs=1e-12), case
        regret = result["means"][case["time"]]
        assert (regret is None) == (wanted["regret"] is None), case
        assert regret is None or regret == pytest.approx(wanted["regret"], abs=1e-12), case


def test_halving_answers_the_questions_of_its_section() -> None:
    cases = [{}, {"pool": "best"}, {"eta": 2}, {"eta": 4}, {"first": 9}, {"eta": 27},
             {"method": "hyperband"}, {"method": "hyperband", "eta": 4, "first": 2}]
    everyone, quarter, two, four, nine, single, bands, three_rungs = computed(
        "halving", cases, """({all, brackets}) => ({passed: all.passed, early: all.means[51],
            reached: all.means.at(-1)[0], sizes: brackets.map(({size}) => size)})""")
    assert everyone["passed"] > 15 and quarter["passed"] < 10, "q_hb_survive: as by lot"
    assert three_rungs["sizes"][1] == 6, "q_hb_second"
    assert sum(bands["sizes"][2:]) / sum(bands["sizes"]) == pytest.approx(0.2, abs=0.005), (
        "q_hb_insurance")
    assert everyone["early"][0] < single["early"][0] - 0.01, "q_hb_one: ahead with early results"
    assert abs(everyone["reached"] - single["reached"]) < 0.002, "q_hb_one: level in the end"
    assert abs(two["reached"] - four["reached"]) < 0.5 * (nine["reached"] - everyone["reached"]), (
        "q_hb_settings: the first rung counts, eta does not")


def test_asha_answers_the_questions_of_its_section() -> None:
    cases = [{"mode": "bracket"}, {"mode": "bracket", "workers": 64}, {"first": 27, "workers": 64},
             {"mode": "stopping", "workers": 1, "order": 2, "time": 90},
             {"workers": 15, "time": 18}, {"workers": 15}, {"slow": 10},
             {"slow": 10, "mode": "brackets"}, {"slow": 10, "mode": "bracket"}]
    waiting, bracket, random, stopping, early, late, calm, overlap, held_up = computed(
        "asha", cases, """({busy, all, begun, reports, rungs}) => ({busy, wrong: all.wrong,
            regret: all.means.at(-1)[0], first: begun.filter(({id}) => id === 0).length,
            error: reports.filter(({id}) => id === 0).at(-1)?.error,
            reports: reports.filter(({maxEpochs}) => maxEpochs === rungs[0]).length})""")
    assert waiting["busy"] == pytest.approx(0.32, abs=0.03), "q_ha_idle"
    assert random["regret"] < bracket["regret"] - 0.005, "q_ha_random: random search is ahead"
    assert stopping["first"] == 4 and stopping["error"] > 0.85, "q_ha_first: it trains to the end"
    assert early["reports"] < 0.3 * late["reports"], "q_ha_wrong: a quarter of the reports"
    assert 0.4 < early["wrong"] / late["wrong"] < 0.65, "q_ha_wrong: half of the mistakes"
    assert calm["regret"] < overlap["regret"] < held_up["regret"] - 0.005, "q_ha_stragglers"
    assert overlap["busy"] > 0.95 and held_up["busy"] < 0.5, "q_ha_stragglers: who waits"


# -- Models ---------------------------------------------------------------------------------------

def test_normal_distribution_is_that_of_scipy() -> None:
    z = np.concatenate([np.linspace(-37, 12, 20_001), [-3, 3, 0, -0.0]])
    found = evaluate("zs => zs.map(lab.normalDistribution.distribution)", z.tolist())
    np.testing.assert_allclose(found, ndtr(z), rtol=1e-12, atol=0)


def test_process_and_improvement_are_those_of_the_package() -> None:
    rng = np.random.default_rng(2)
    cases = [{"trials": rng.permutation(201)[:rng.integers(1, 21)].tolist(),
              "length": int(rng.integers(0, 41)), "noise": int(rng.integers(1, 101))}
             for _ in range(300)]
    cases += [{"trials": list(range(90, 110)), "length": 40, "noise": 1}, {}]
    found = computed("process", cases, """({curve, next, best, likelihood}) => (
        {mean: curve.map(v => v.mean), deviation: curve.map(v => v.deviation),
         improvement: curve.map(v => v.improvement), best, next, likelihood})""")
    for case, result in zip(cases, found, strict=True):
        wanted = expected.process(**case)
        for name in ("mean", "deviation", "improvement", "likelihood", "best"):
            np.testing.assert_allclose(result[name], wanted[name], rtol=1e-6, atol=1e-6,
                                       err_msg=f"{name} of {case}")
        gain = wanted["improvement"]
        assert gain[result["next"]] > gain.max() - 1e-6


def test_surrogate_predicts_as_that_of_the_package() -> None:
    rng = np.random.default_rng(4)
    parts = rng.integers(0, [51, 51, 51, 51, 2, 3], (1000, 6))
    found = evaluate("""rows => {
        const settings = lab.frame.defaults(lab.explorables.duel.controls(lab.data));
        return rows.map(trials => lab.explorables.duel.compute({...settings, trials},
                                                               lab.data).errors[0]); }""",
                     parts.tolist())
    wanted = expected.predicted_lenet().curves([expected.lenet_config(row) for row in
                                                parts.tolist()])
    np.testing.assert_allclose(found, [errors[-1] for errors, _ in wanted], atol=1.5e-6)
    assert np.std(found) > 0.1


def test_duel_counts_as_the_recorded_searches_say() -> None:
    rng = np.random.default_rng(5)
    for n in (1, 4, 10):
        trials = rng.integers(0, [51, 51, 51, 51, 2, 3], (n, 6))
        [found] = computed("duel", [{"trials": trials.ravel().tolist()}],
                           "({errors, incumbents, rivals, best}) => ({errors, incumbents, best, "
                           "rivals: rivals.map(r => [...r.means[errors.length - 1], r.beaten])})")
        wanted = expected.duel(tuple(map(tuple, trials.tolist())))
        assert found["errors"] == pytest.approx(wanted["errors"], abs=1.5e-6)
        assert found["incumbents"][-1] == pytest.approx(wanted["mine"], abs=1.5e-6)
        assert found["best"] == wanted["best"]
        for rival, numbers in zip(found["rivals"], wanted["rivals"].values(), strict=True):
            assert rival == pytest.approx(numbers, abs=1e-9)


# -- Layouts and noise ----------------------------------------------------------------------------

def test_sobol_points_are_those_of_scipy() -> None:
    found = np.array(evaluate("n => lab.designs.sobol(n)", 4096))
    wanted = qmc.Sobol(2, scramble=False, bits=30).random(4096)
    assert (found == wanted).all()


def test_shifted_sobol_points_stay_even() -> None:
    for seed in (1, 2, 3):
        points = np.array(evaluate("""seed => lab.designs.sobol(
            64, lab.designs.shift(lab.uniform(seed)))""", seed))
        assert (np.sort((points * 64).astype(int), axis=0) == np.arange(64)[:, None]).all()
        assert len(np.unique((points * 8).astype(int) @ [8, 1])) == 64


def test_uniform_and_normal_numbers_are_what_they_say() -> None:
    found = evaluate("""seeds => seeds.map(seed => {
        const draw = lab.uniform(seed); return lab.range(0, 50).map(draw); })""",
                     [0, 1, 7, -5, 2**31, 123456789])
    for seed, numbers in zip([0, 1, 7, -5, 2**31, 123456789], found, strict=True):
        assert numbers == list(itertools.islice(expected.uniform(seed), 50))
    normal = evaluate("""() => { const draw = lab.normal(lab.uniform(3));
                                 return lab.range(0, 20000).map(draw); }""")
    assert stats.kstest(normal, "norm").pvalue > 1e-4


def test_layouts_have_the_regrets_and_shadows_of_numpy() -> None:
    cases = [{"side": side, "angle": angle, "share": share, "seed": seed}
             for side, angle, share, seed in [(4, 0, 10, 1), (2, 45, 0, 2), (3, 90, 50, 9),
                                              (5, 30, 25, 50), (8, 15, 5, 3)]]
    found = computed("designs", cases, """({layouts}) => Object.fromEntries(layouts.map(
        ({name, points, regret, mean, shadow}) => [name, {points, regret, mean,
                                                          distinct: shadow.distinct}]))""")
    for case, result in zip(cases, found, strict=True):
        wanted = expected.designs(**case)
        for name, layout in result.items():
            np.testing.assert_allclose(layout["points"], wanted["points"][name], atol=1e-12)
            assert layout["regret"] == pytest.approx(wanted["regret"][name], abs=1e-9)
            assert layout["mean"] == pytest.approx(wanted["mean"][name], abs=1e-9)
            assert layout["distinct"] == wanted["distinct"][name], (case, name)


def test_winner_has_the_numbers_of_an_independent_simulation() -> None:
    cases = [{}, {"trials": 8, "noise": 0, "seed": 3}, {"trials": 128, "noise": 40, "seed": 100}]
    found = computed("winner", cases, """({example: {reported, winner, best}, here}) => (
        {example: {reported, winner, best}, optimism: here.optimism, wrong: here.wrong})""")
    for case, result in zip(cases, found, strict=True):
        wanted = expected.winner(**case)
        assert result["example"] == pytest.approx(wanted["example"], abs=1e-9)
        assert result["optimism"] == pytest.approx(wanted["optimism"], abs=1e-9)
        assert result["wrong"] == wanted["wrong"]
    [sizes] = computed("winner", [{}], "({sizes}) => sizes.map(({optimism}) => optimism[0])")
    assert sizes == sorted(sizes) and sizes[0] > 0, "the caption says that it grows"
    truth = np.array([error for error in expected.final_errors().values()
                      if math.isfinite(error)])
    rng = np.random.default_rng(6)
    true = rng.choice(truth, (20_000, 32))
    seen = true + rng.normal(0, 0.01, true.shape)
    winners = np.take_along_axis(true, seen.argmin(1)[:, None], 1)[:, 0]
    mean, half = found[0]["optimism"]
    assert abs(mean - (winners - seen.min(1)).mean()) < 2.5 * half


# -- The frame ------------------------------------------------------------------------------------

FOLLOW = """([name, hash]) => {
  const controls = lab.explorables[name].controls(lab.data);
  const settings = lab.frame.settingsOf(hash, name, controls);
  return settings && [settings, lab.frame.fragment(name, controls, settings)]; }"""


def test_a_link_gives_back_its_settings() -> None:
    rng = np.random.default_rng(0)
    wanted = {
        "halving": "#explore-halving?method=hyperband&eta=4&first=9&order=20&pool=best",
        "asha": "#explore-asha?time=7&mode=stopping&eta=2&workers=16&slow=30",
        "process": "#explore-process?trials=0.200.7&length=0&noise=100&truth=1",
        "designs": "#explore-designs?side=8&angle=85&share=0&seed=50",
        "winner": "#explore-winner?trials=128&noise=0",
        "duel": "#explore-duel?trials=1.2.3.4.1.2&momentum=0&activation=2"}
    assert list(wanted) == list(laboratory.EXPLORABLES)
    for name, link in wanted.items():
        settings_, again = evaluate(FOLLOW, [name, link])
        assert again == link
        order = rng.permutation(len(parts := link.split("?")[1].split("&")))
        mixed = f"#explore-{name}?{'&'.join(parts[i] for i in order)}"
        assert evaluate(FOLLOW, [name, mixed]) == [settings_, link]
        assert evaluate(FOLLOW, [name, "#fig-other"]) is None
        assert evaluate(FOLLOW, [name, f"#explore-{name}x?eta=2"]) is None


def hostile() -> st.SearchStrategy[str]:
    """Return fragments that no page would write."""
    names = st.sampled_from(["eta", "first", "size", "order", "time", "mode", "workers", "trials",
                             "length", "noise", "at", "truth", "side", "angle", "__proto__",
                             "constructor", "learning_rate"])
    values = st.one_of(st.text(max_size=12), st.integers(-10**6, 10**6).map(str),
                       st.floats().map(str), st.sampled_from(
                           ["", "-0", "1e3", "0x10", " 3", "3 ", "1.5", "NaN", "Infinity", "%",
                            "0.0", "1.1", "-1", "1..2", "201", "99.99", "true", "[object Object]"]))
    return st.lists(st.tuples(names, values).map("=".join), max_size=6).map("&".join)


@settings(max_examples=3)
@given(st.lists(hostile(), min_size=150, max_size=150))
def test_impossible_links_change_nothing_and_break_nothing(queries: list[str]) -> None:
    found = evaluate("""queries => Object.entries(lab.explorables).map(([name, spec]) => {
      const controls = spec.controls(lab.data);
      return queries.map(query => {
        const hash = `#explore-${name}?${query}`;
        const settings = lab.frame.settingsOf(hash, name, controls);
        const link = lab.frame.fragment(name, controls, settings);
        const again = lab.frame.settingsOf(link, name, controls);
        const known = controls.filter(c => c.kind !== "button").map(c => c.name).sort();
        const numbers = controls.filter(c => c.kind === "range")
          .every(c => settings[c.name] >= c.min && settings[c.name] <= c.max);
        return [JSON.stringify(settings) === JSON.stringify(again), numbers,
                JSON.stringify(Object.keys(settings).sort()) === JSON.stringify(known)];
      });
    })""", queries)
    assert all(all(checks) for explorable in found for checks in explorable)


SWEEP = """name => {
  const spec = lab.explorables[name];
  const controls = spec.controls(lab.data);
  const usual = lab.frame.defaults(controls);
  const values = c => c.kind === "choice" ? c.options.map(([value]) => value)
    : c.kind === "check" ? [true, false]
    : c.kind === "list" ? [[], c.value] : [c.min, c.max];
  const bad = /NaN|Infinity|undefined|null|object/;
  const wrong = [];
  const all = controls.filter(c => c.kind !== "button").reduce((made, c) =>
    made.flatMap(settings => values(c).map(value => ({...settings, [c.name]: value}))), [usual]);
  const step = Math.max(1, Math.floor(all.length / 150));
  for (const settings of all.filter((_, i) => i % step === 0)) {
    const result = spec.compute(settings, lab.data);
    const said = spec.tell(result, settings);
    const drawn = [280, 640].map(width =>
      lab.svgText(spec.draw(result, settings, width), "light")).join("");
    if (bad.test(said) || bad.test(drawn.replace(/font-family="[^"]*"/g, ""))) {
      wrong.push([settings, said]);
    }
  }
  return [all.length, wrong];
}"""


@pytest.mark.parametrize("name", laboratory.EXPLORABLES)
def test_extreme_settings_are_drawn_and_told(name: str) -> None:
    cases, wrong = evaluate(SWEEP, name)
    assert cases >= 8 and wrong == []


def test_the_browser_gives_the_results_of_node() -> None:
    if shutil.which("node") is None:
        unavailable("node is not installed")
    function = """() => Object.entries(lab.explorables).map(([name, spec]) => {
        const settings = lab.frame.defaults(spec.controls(lab.data));
        return [name, spec.tell(spec.compute(settings, lab.data), settings)]; })"""
    told = in_node(function, None)
    assert in_browser(function, None) == told and len(told) == len(laboratory.EXPLORABLES)


# -- What the book makes of them ------------------------------------------------------------------

def test_still_images_are_what_the_modules_draw() -> None:
    if shutil.which("node") is None:
        unavailable("node is not installed")
    assert laboratory.main(["--check"]) == 0


def test_colours_of_pages_and_of_still_images_agree() -> None:
    colors = evaluate("() => lab.COLORS")
    css = (laboratory.SCRIPTS / "lab.css").read_text(encoding="utf-8")
    light, dark = (dict(re.findall(r"--lab-(\w+): (#\w{6});", block))
                   for block in css.split("}")[:2])
    assert {name: list(pair) for name, pair in colors.items()} == {
        name: [light[name], dark[name]] for name in light}
    assert light.keys() == dark.keys()


@pytest.mark.parametrize("name", laboratory.EXPLORABLES)
def test_a_page_does_not_become_much_heavier(name: str) -> None:
    scripts = [*laboratory.EXPLORABLES[name].scripts(name), "frame.js", "lab.css"]
    size = sum(len(laboratory.data_script(script[5:-3]).encode()) if script.startswith("data/")
               else (laboratory.SCRIPTS / script).stat().st_size for script in scripts)
    stills = [laboratory.STILLS / f"{name}{end}.svg" for end in laboratory.MODES.values()]
    size += sum(path.stat().st_size for path in stills)  # a browser may load both
    assert size < MOST_BYTES


def test_modules_ask_for_nothing_and_each_is_used() -> None:
    used = {script for name, needs in laboratory.EXPLORABLES.items()
            for script in needs.scripts(name)}
    files = {path.relative_to(laboratory.SCRIPTS).as_posix(): path.read_text(encoding="utf-8")
             for path in laboratory.SCRIPTS.rglob("*.js")}
    assert files.keys() == {script for script in used if "data/" not in script} | {"frame.js"}
    for text in files.values():
        assert not re.search(r"fetch\(|XMLHttp|WebSocket|import\(|\beval\b|innerHTML|"
                             r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_each_explorable_stands_in_the_book_and_the_winner_in_two_sections() -> None:
    found = [block.argument for path in BOOK.section_paths()
             for block in walk(path.read_text(encoding="utf-8"))
             if isinstance(block, Fence) and block.name == "explorable"]
    assert sorted(found) == sorted([*laboratory.EXPLORABLES, "winner"])


def test_data_are_those_of_the_recordings() -> None:
    found = evaluate("""() => { const lenet = lab.curves(lab.data.lenet);
        return [lab.range(0, lenet.configurations).map(lenet.curve), lenet.orders]; }""")
    curves, orders = found
    for config, curve in zip(expected.lenet().configs, curves, strict=True):
        errors, seconds = expected.lenet().curve(config)
        assert [math.nan if value is None else value for value in curve["errors"]] == (
            pytest.approx(errors.tolist(), abs=0, nan_ok=True))
        assert curve["seconds"] == seconds.tolist()
    assert len(orders) == laboratory.ORDERS
    assert all(sorted(order) == list(range(256)) for order in orders)


def test_errors_that_are_no_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="no multiples of 1/2000"):
        laboratory.counted(np.array([0.5, 0.12345]))


def test_scripts_of_data_cannot_end_their_element() -> None:
    for name in laboratory.DATA:
        assert "</" not in laboratory.data_script(name)
        json.loads(laboratory.data_script(name).split(" = ", 1)[1].rstrip(";\n"))
