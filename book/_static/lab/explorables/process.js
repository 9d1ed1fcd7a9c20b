"use strict";
/* A Gaussian process on the perceptron's learning rate: where would the next trial go? */
((lab) => {
  const STEPS = 200;    // of the axis
  const MOST = 20;      // trials
  const [LOWEST, HIGHEST] = [0.001, 3];
  const FIRST = [10, 60, 100, 180, 200];  // the five trials of the section

  const rateAt = (place) => LOWEST * (HIGHEST / LOWEST) ** (place / STEPS);
  const lengthOf = (step) => 0.02 * 10 ** (step / 20);
  const noiseOf = (step) => step / 100;  // a deviation, standardised

  function compute({ trials, length, noise }, data) {
    const errors = data.perceptron.errors;
    const seen = trials.map((place) => errors[place]);
    const places = lab.range(0, STEPS + 1);
    if (!trials.length) {
      return { truth: errors, seen, curve: places.map(() => null), next: STEPS / 2, best: null };
    }
    const { targets, center, spread } = lab.process.standardise(seen);
    const process = new lab.process.GaussianProcess(trials.map((place) => place / STEPS), targets,
      { length: lengthOf(length), variance: 1, noise: noiseOf(noise) ** 2 });
    const best = Math.min(...targets);
    const curve = places.map((place) => {
      const value = process.predict(place / STEPS);
      return { mean: center + spread * value.mean, deviation: spread * value.deviation,
               improvement: spread * lab.process.expectedImprovement(value, best) };
    });
    const next = places.reduce((top, place) =>
      (curve[place].improvement > curve[top].improvement ? place : top), 0);
    return { truth: errors, seen, curve, next, best: Math.min(...seen),
             likelihood: process.logLikelihood() };
  }

  function tell({ seen, curve, next, best, likelihood, truth }, { trials }) {
    if (!seen.length) return "No trial yet: the process expects the same everywhere.";
    const where = trials[seen.indexOf(best)];
    return `${lab.count(seen.length, "trial")}. The best error is ${lab.percent(best)}, at `
      + `${lab.rate(rateAt(where))}; the smallest on the axis is `
      + `${lab.percent(Math.min(...truth))}. The expected improvement is largest at `
      + `${lab.rate(rateAt(next))}, ${lab.decimal(100 * curve[next].improvement, 2)} points. `
      + `Log likelihood: ${lab.decimal(likelihood)}.`;
  }

  const SIGNS = [
    [lab.lineSign({ stroke: "purple", "stroke-width": 2 }), "mean"],
    [lab.lineSign({ stroke: "band", "stroke-width": 10 }), "two deviations"],
    [lab.lineSign({ stroke: "ink", "stroke-dasharray": "4 3" }), "true error"]];
  const legendOf = (signs, width) => lab.legend(signs, 8, 12, width - 16);

  function layout(width) {
    const [left, wide, top] = [46, width - 62, legendOf(SIGNS, width).height + 32];
    return { upper: { left, top, width: wide, height: 210 },
             lower: { left, top: top + 258, width: wide, height: 80 },
             x: lab.linear([0, STEPS], [left, left + wide]) };
  }

  function draw(result, { trials, truth, at }, width) {
    const { upper, lower, x } = layout(width);
    const y = (value) => lab.linear([0, 1], [upper.top + upper.height, upper.top])(
      Math.min(Math.max(value, -0.03), 1.03));
    const { curve, seen, next } = result;
    const known = seen.length > 0;
    const most = known ? Math.max(...curve.map(({ improvement }) => improvement), 1e-9) : 1;
    const below = lab.linear([0, most], [lower.top + lower.height, lower.top + 6]);
    const edge = (sign) => curve.map(({ mean, deviation }, place) =>
      [x(place), y(mean + sign * 2 * deviation)]);
    const rates = [0.001, 0.01, 0.1, 1].map((rate) => [rate, rate]);
    const placeOf = (rate) => x((STEPS * Math.log(rate / LOWEST)) / Math.log(HIGHEST / LOWEST));
    return lab.picture(width, lower.top + lower.height + 44,
      legendOf(truth ? SIGNS : SIGNS.slice(0, 2), width).node,
      known ? lab.node("path", { d: `${lab.through([...edge(1), ...edge(-1).reverse()])}Z`,
                                 fill: "band" }) : [],
      lab.axes(upper, { scale: placeOf, ticks: rates },
        { scale: y, ticks: [0, 0.25, 0.5, 0.75, 1].map((value) =>
          [value, lab.percent(value, 0)]), label: "Validation error", out: 32 }),
      truth ? lab.path(result.truth.map((error, place) => [x(place), y(error)]),
        { stroke: "ink", "stroke-dasharray": "4 3" }) : [],
      known ? lab.path(curve.map(({ mean }, place) => [x(place), y(mean)]),
        { stroke: "purple", "stroke-width": 2 }) : [],
      lab.node("path", { d: `M${x(at).toFixed(1)} ${upper.top}v${upper.height}`, stroke: "faint",
                         "stroke-dasharray": "2 3" }),
      trials.map((place, i) => lab.dot(x(place), y(seen[i]), { r: 5, fill: "ink" })),
      lab.words(8, lower.top - 8, "Expected improvement", { fill: "ink" }),
      lab.axes(lower, { scale: placeOf, ticks: rates, label: "learning rate" },
        { scale: below, ticks: known ? [[0, "0"], [most, lab.decimal(100 * most, 1)]] : [] }),
      known ? [
        lab.path(curve.map(({ improvement }, place) => [x(place), below(improvement)]),
          { stroke: "green", "stroke-width": 2 }),
        lab.triangle(x(next), lower.top + lower.height + 6, { fill: "green" })] : []);
  }

  /** A press on the upper panel adds a trial there. */
  function tap(place, { trials }, result, width) {
    const { upper } = layout(width);
    const at = Math.round((STEPS * (place.x - upper.left)) / upper.width);
    const inside = at >= 0 && at <= STEPS && place.y < upper.top + upper.height + 20;
    return inside ? { at, ...added(trials, at) } : null;
  }

  /** Add a trial, unless it has been made. */
  const added = (trials, at) =>
    (trials.includes(at) || trials.length === MOST ? {} : { trials: [...trials, at] });

  const controls = (data) => [
    { kind: "list", name: "trials", value: FIRST,
      valid: (list) => list.length <= MOST && new Set(list).size === list.length
        && list.every((place) => place >= 0 && place <= STEPS) },
    { kind: "range", name: "length", label: "Length scale", min: 0, max: 40, step: 1, value: 20,
      say: (step) => `${lab.rate(lengthOf(step))} of the axis` },
    { kind: "range", name: "noise", label: "Noise", min: 1, max: 100, step: 1, value: 1,
      say: (step) => `${noiseOf(step)} deviations of the errors` },
    { kind: "range", name: "at", label: "Where to train", min: 0, max: STEPS, step: 1, value: 120,
      say: (place) => `learning rate ${lab.rate(rateAt(place))}` },
    { kind: "check", name: "truth", label: "Show the true error", value: false },
    { kind: "button", label: "Train there", press: ({ trials, at }) => added(trials, at),
      enabled: ({ trials, at }) => !trials.includes(at) && trials.length < MOST },
    { kind: "button", label: "Train where the improvement is largest",
      press: (settings) => {
        const { next } = compute(settings, data);
        return { at: next, ...added(settings.trials, next) };
      },
      enabled: ({ trials }) => trials.length < MOST },
    { kind: "button", label: "Take the last one back",
      press: ({ trials }) => ({ trials: trials.slice(0, -1) }),
      enabled: ({ trials }) => trials.length > 0 },
  ];

  lab.explorables.process = { title: "a Gaussian process", controls, compute, draw, tell, tap };
})(globalThis.lab ??= {});
