"""Population based training: the worst member copies weights and changes its learning rate."""

from __future__ import annotations

from scipy import stats

from d2l_hpo import PBTScheduler
from d2l_hpo import Trial
from d2l_hpo import RandomSearcher
from d2l_hpo import to_unit_cube

from .style import Drawing, Point

MEMBERS, GENERATIONS, SEED = 4, 4, 518
SPACE = {"learning_rate": stats.loguniform(1e-3, 1)}
LEFT, RUN, PAUSE = 36, 84, 36  # where tracks begin, their length, and what lies between two
FLOOR, HEIGHT = 250, 210


def train(rate: float, before: float, generation: int) -> float:
    """Return an invented error: the best rate, on its axis of [0, 1], falls as training goes on."""
    best = 0.75 - 0.13 * generation
    return before * (0.5 + min(abs(rate - best), 0.45))


def run() -> tuple[list[Trial], dict[int, float], dict[int, float]]:
    """Return the trials of a search, and by trial its rate's position and its error."""
    scheduler = PBTScheduler(RandomSearcher(SPACE, seed=SEED), GENERATIONS, seed=SEED,
                             population_size=MEMBERS, width=0.13, resample=0)
    trials, rates, errors = [], {}, {}
    while (trial := scheduler.suggest()) is not None:
        name = trial.trial_id
        rates[name] = float(to_unit_cube(SPACE, trial.config)[0])
        errors[name] = train(rates[name], errors.get(trial.source, 0.9), name // MEMBERS)
        scheduler.update(trial, errors[name])
        trials.append(trial)
    return trials, rates, errors


def draw() -> Drawing:
    """Return the drawing: a track a trial, generation after generation, at its learning rate."""
    drawing = Drawing("Population based training", 520, 346)
    trials, rates, errors = run()

    def place(name: int, end: bool) -> Point:
        x = LEFT + (RUN + PAUSE) * (name // MEMBERS) + RUN * end
        return x, round(FLOOR - HEIGHT * rates[name], 2)

    lineage = [min(trials[-MEMBERS:], key=lambda trial: errors[trial.trial_id]).trial_id]
    while (source := trials[lineage[-1]].source) is not None:
        lineage.append(source)
    drawing.text((12, 18), "learning rate", anchor="start")
    drawing.line([(20, 36), (20, FLOOR)], "edge")
    for generation in range(GENERATIONS):
        drawing.text((LEFT + (RUN + PAUSE) * generation + RUN / 2, FLOOR + 20),
                     f"generation {generation + 1}" if generation == 0 else str(generation + 1))
    sources = {trial.source for trial in trials}
    for trial in trials:
        name = trial.trial_id
        role, width = ("ask", 4) if name in lineage else ("edge", 2)
        drawing.line([place(name, False), place(name, True)], role, width)
        if trial.source is not None:
            copied = trial.source % MEMBERS != name % MEMBERS
            link = [place(trial.source, True), place(name, False)]
            drawing.line(link, "keep" if copied else role, 2 if copied else width)
        if name not in sources and name < MEMBERS * (GENERATIONS - 1):
            drawing.cross(place(name, True), "tell", 6)
    draw_key(drawing, 314)
    return drawing


def draw_key(drawing: Drawing, height: float) -> None:
    """Say what the marks mean."""
    drawing.cross((24, height), "tell", 6)
    drawing.lines((40, height), ["the worst", "ends here"])
    drawing.line([(138, height - 8), (160, height + 8)], "keep", 2)
    drawing.lines((170, height), ["copies the weights,", "changes the rate"])
    drawing.line([(338, height), (364, height)], "ask", 4)
    drawing.lines((374, height), ["leads to the best", "at the end"])
