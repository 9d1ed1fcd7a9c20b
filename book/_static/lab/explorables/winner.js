"use strict";
/* The winner's curse: the error that a search reports, and the one that its winner has. */
((lab) => {
  const REPETITIONS = 400;
  const SIZES = [8, 16, 32, 64, 128];
  const SHOWN = 14;

  function compute({ trials, noise, seed }, data) {
    const lenet = lab.curves(data.lenet);
    const truths = lab.range(0, lenet.configurations)
      .map((row) => lenet.curve(row).errors.at(-1)).filter(Number.isFinite);
    const deviation = noise / 1000;  // tenths of a point
    return {
      example: lab.noise.search(truths, trials, deviation, lab.uniform(seed)),
      sizes: SIZES.map((n) => ({ n, ...lab.noise.repeat(truths, n, deviation, REPETITIONS, n) })),
      here: lab.noise.repeat(truths, trials, deviation, REPETITIONS, trials),
    };
  }

  function tell({ example, here }) {
    const [optimism, half] = here.optimism;
    const right = example.winner === example.best;
    return `This search reports ${lab.percent(example.reported)}; its winner has `
      + `${lab.percent(example.winner)}, and ${right ? "none of its trials is better"
        : `its best trial ${lab.percent(example.best)}`}. Over ${REPETITIONS} searches the report `
      + `is too good by ${lab.decimal(100 * optimism, 2)} points (\u00b1\u00a0`
      + `${lab.decimal(100 * half, 2)}), and the winner is the wrong one in `
      + `${lab.percent(here.wrong, 0)} of them.`;
  }

  /** Draw the trials that look best: what was seen, and what is true. */
  function drawTrials({ trials }, box) {
    const first = [...trials].sort((one, other) => one.seen - other.seen).slice(0, SHOWN);
    const values = first.flatMap(({ seen, truth }) => [seen, truth]);
    const [low, high] = [Math.min(...values) - 0.005, Math.max(...values) + 0.005];
    const x = lab.linear([low, high], [box.left, box.left + box.width]);
    const best = Math.min(...trials.map(({ truth }) => truth));
    const ticks = lab.range(1, 4).map((i) => low + (i * (high - low)) / 4)
      .map((value) => [value, lab.percent(value)]);
    return [
      lab.axes({ ...box }, { scale: x, ticks, label: "validation error" }, { scale: x, ticks: [] }),
      first.flatMap(({ seen, truth }, i) => {
        const y = box.top + 8 + i * ((box.height - 16) / Math.max(SHOWN - 1, 1));
        const color = i === 0 ? "orange" : truth === best ? "green" : "faint";
        return [lab.path([[x(truth), y], [x(seen), y]], { stroke: color }),
                lab.dot(x(truth), y, { fill: "paper", stroke: color, "stroke-width": 2 }),
                lab.dot(x(seen), y, { fill: color })];
      })];
  }

  /** Draw means by the number of trials. */
  function drawMeans({ sizes }, trials, box) {
    const x = lab.logarithmic([8, 128], [box.left, box.left + box.width]);
    const highest = Math.max(...sizes.map(({ winner }) => winner)) + 0.004;
    const lowest = Math.min(...sizes.map(({ reported }) => reported)) - 0.004;
    const y = lab.linear([lowest, highest], [box.top + box.height, box.top]);
    const ticks = lab.range(0, 4).map((i) => lowest + ((i + 0.5) * (highest - lowest)) / 4)
      .map((value) => [value, lab.percent(value)]);
    const line = (name, attributes) => lab.path(sizes.map((row) => [x(row.n), y(row[name])]),
      { "stroke-width": 2, ...attributes });
    return [
      lab.axes(box, { scale: x, ticks: SIZES.map((n) => [n, n]), label: "trials" },
        { scale: y, ticks }),
      lab.node("path", { d: `M${x(trials).toFixed(1)} ${box.top}v${box.height}`, stroke: "faint",
                         "stroke-dasharray": "2 3" }),
      line("best", { stroke: "green" }), line("winner", { stroke: "orange" }),
      line("reported", { stroke: "orange", "stroke-dasharray": "5 4" })];
  }

  function draw(result, { trials }, width) {
    const circles = (color) => (x, y) => [
      lab.dot(x + 4, y, { fill: "paper", stroke: color, "stroke-width": 2 }),
      lab.dot(x + 16, y, { fill: color })];
    const node = (sign) => (x, y) => lab.node("g", {}, sign(x, y));
    const upper = lab.legend([[node(circles("orange")), "winner: true, seen"],
                              [node(circles("green")), "truly best"]], 8, 36, width - 16);
    const top = 26 + upper.height + 8;
    const first = { left: 24, top, width: width - 48, height: 190 };
    const next = top + first.height + 66;
    const lower = lab.legend([
      [lab.lineSign({ stroke: "orange", "stroke-width": 2 }), "winner's true error"],
      [lab.lineSign({ stroke: "orange", "stroke-width": 2, "stroke-dasharray": "5 4" }),
       "reported"],
      [lab.lineSign({ stroke: "green", "stroke-width": 2 }), "best true error"],
    ], 8, next + 22, width - 16);
    const second = { left: 58, top: next + 24 + lower.height, width: width - 82, height: 130 };
    return lab.picture(width, second.top + second.height + 44,
      lab.words(8, 16, `One search: the ${SHOWN} trials that look best`,
        { fill: "ink" }), upper.node,
      drawTrials(result.example, first),
      lab.words(8, next, `Means over ${REPETITIONS} searches`, { fill: "ink" }), lower.node,
      drawMeans(result, trials, second));
  }

  const controls = () => [
    { kind: "range", name: "trials", label: "Trials", min: 8, max: 128, step: 1, value: 32,
      say: (value) => lab.count(value, "trial") },
    { kind: "range", name: "noise", label: "Noise of an error", min: 0, max: 40, step: 1,
      value: 10, say: (value) => `${lab.decimal(value / 10)} points` },
    { kind: "range", name: "seed", label: "Seed", min: 1, max: 100, step: 1, value: 1,
      say: (value) => `number ${value}` },
  ];

  lab.explorables.winner = { title: "the winner's curse", controls, compute, draw, tell };
})(globalThis.lab ??= {});
