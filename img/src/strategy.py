"""Which method for which search: a question about schedules, then a searcher and a scheduler."""

from __future__ import annotations

from .style import Box, Drawing

ROW = 60  # from one answer to the next
SEARCHERS = ((["fewer", "than ten"], ["quasi-random", "search"]),
             (["tens,", "hundreds"], ["Bayesian", "optimization"]),
             (["thousands"], ["TPE or", "random"]),
             (["nobody", "knows"], ["random", "search"]))
SCHEDULERS = ((["no"], ["train all", "to the end"]),
              (["nobody", "knows"], ["Hyperband"]),
              (["yes; equal", "workers"], ["successive", "halving"]),
              (["yes; unequal", "ones, or soon"], ["ASHA"]))


def draw() -> Drawing:
    """Return the drawing: one question on top, and two below that are asked independently."""
    drawing = Drawing("Which method for which search?", 520, 470)
    question = drawing.rectangle(Box(8, 8, 252, 72), edge="edge", radius=8)
    drawing.lines(question.center, ["Is the structure fixed, and a", "schedule to be found whose",
                                    "form nobody prescribes?"], "ink", "middle")
    schedule = drawing.box(Box(322, 8, 190, 72), "population based", "or hypergradients")
    drawing.arrow(question.right(), schedule.left(), "ask")
    drawing.text((288, 30), "yes", "ask")
    left, right = (drawing.panel(Box(x, 126, 248, 336)) for x in (8, 264))
    drawing.arrow((left.center[0], 80), left.top(), "ask")
    drawing.line([(left.center[0], 103), (right.center[0], 103)], "ask", 2)
    drawing.arrow((right.center[0], 102), right.top(), "ask")
    drawing.text((left.center[0] + 12, 91), "no: one of each", "ask", "start")
    draw_choices(drawing, left, "searcher", ["How many trials", "can you afford?"], SEARCHERS)
    draw_choices(drawing, right, "scheduler", ["Do early ranks", "foretell late ones?"],
                 SCHEDULERS)
    return drawing


def draw_choices(drawing: Drawing, panel: Box, part: str, question: list[str],
                 answers: tuple[tuple[list[str], list[str]], ...]) -> None:
    """Draw a question with an arrow from each of its answers to a method."""
    left = panel.x + 12
    drawing.text((left, 148), part, "ink", "start", 16, bold=True)
    drawing.lines((left, 182), question)
    for row, (answer, method) in enumerate(answers):
        box = drawing.rectangle(Box(panel.x + 120, 210 + ROW * row, 120, 52), edge="edge",
                                radius=8)
        drawing.lines(box.center, method, "ink", "middle")
        drawing.lines((left, box.center[1]), answer, "ask")
        drawing.arrow((box.x - 26, box.center[1]), box.left(), "ask")
