"use strict";
/* Beat the optimizer: the reader's own trials of LeNet beside recorded searches. */
((lab) => {
  const TRIALS = 10;
  const PARTS = 50;  // a range of a number has so many steps
  const NAMES = ["learning_rate", "batch_size", "momentum", "weight_decay", "width", "activation"];
  const START = [20, 25, 25, 25, 0, 0];
  const RIVALS = [["random", "random search", "blue"], ["bayesian", "Bayesian optimization",
                                                        "purple"]];

  /** Return a model's arrays, and what the recorded searches found, as numbers. */
  const ready = new WeakMap();
  function read(data) {
    if (!ready.has(data)) {
      const { points, alpha, errors, ...rest } = data;
      const searches = Object.fromEntries(RIVALS.map(([key]) => {
        const flat = Array.from(lab.numbers(data[key], Float32Array));
        return [key, lab.range(0, flat.length / TRIALS)
          .map((i) => flat.slice(i * TRIALS, (i + 1) * TRIALS))];
      }));
      ready.set(data, { ...rest, searches, points: lab.numbers(points, Float64Array),
                        alpha: lab.numbers(alpha, Float64Array),
                        errors: Array.from(lab.numbers(errors, Uint16Array),
                          (count) => count / data.examples) });
    }
    return ready.get(data);
  }

  const partsOf = (numbers) => Object.fromEntries(NAMES.map((name, i) =>
    [name, i < 4 ? numbers[i] / PARTS : numbers[i]]));

  const split = (list) => lab.range(0, list.length / NAMES.length)
    .map((i) => list.slice(i * NAMES.length, (i + 1) * NAMES.length));

  const current = (settings) => NAMES.map((name) => settings[name]);

  function compute(settings, { lenetModel }) {
    const model = read(lenetModel);
    const configs = split(settings.trials).map((numbers) =>
      lab.surrogate.configurationAt(model, partsOf(numbers)));
    const errors = configs.map((config) => lab.surrogate.predict(model, config));
    const incumbents = errors.map((error, i) => Math.min(...errors.slice(0, i + 1)));
    const rivals = RIVALS.map(([key, name, color]) => {
      const searches = model.searches[key];
      const means = lab.range(0, TRIALS).map((i) =>
        lab.meanInterval(searches.map((search) => search[i])));
      const at = incumbents.length - 1;
      const beaten = at < 0 ? 0 : searches.filter((search) => incumbents[at] < search[at]).length;
      return { key, name, color, means, beaten, searches: searches.length };
    });
    return { errors, incumbents, rivals, best: model.best };
  }

  function tell({ errors, incumbents, rivals, best }) {
    if (!errors.length) {
      return `No trial yet. You have ${TRIALS}; the best known error is ${lab.percent(best)}.`;
    }
    const mine = incumbents.at(-1);
    const done = errors.length;
    const against = rivals.map(({ name, means, beaten, searches }) => {
      const [mean, half] = means[done - 1];
      const gap = 100 * (mine - mean);
      return `${lab.decimal(Math.abs(gap))} points ${gap < 0 ? "better" : "worse"} than the mean `
        + `of ${name} after as many trials (\u00b1\u00a0${lab.decimal(100 * half)}), and ahead of `
        + `${beaten} of its ${searches} searches`;
    });
    return `Trial ${done} of ${TRIALS}: ${lab.percent(errors.at(-1))}. Your best is `
      + `${lab.percent(mine)}, ${lab.decimal(100 * (mine - best))} points above the best known. `
      + `That is ${against.join("; and ")}.`;
  }

  function draw({ errors, incumbents, rivals, best }, settings, width) {
    const legend = lab.legend([
      ...rivals.map(({ name, color }) => [lab.lineSign({ stroke: color, "stroke-width": 2 }),
                                          name]),
      [lab.lineSign({ stroke: "orange", "stroke-width": 3 }), "you"],
      [lab.lineSign({ stroke: "ink", "stroke-dasharray": "4 3" }), "best known"],
    ], 8, 12, width - 16);
    const box = { left: 46, top: legend.height + 12, width: width - 66, height: 230 };
    const x = lab.linear([1, TRIALS], [box.left + 10, box.left + box.width - 10]);
    const y = (error) => lab.logarithmic([0.13, 0.95], [box.top + box.height, box.top])(error);
    const steps = [0.15, 0.2, 0.3, 0.5, 0.9];
    return lab.picture(width, box.top + box.height + 44, legend.node,
      lab.axes(box, { scale: x, ticks: lab.range(1, TRIALS + 1).map((i) => [i, i]),
                      label: "trials" },
        { scale: y, ticks: steps.map((value) => [value, lab.percent(value, 0)]) }),
      lab.path([[box.left, y(best)], [box.left + box.width, y(best)]],
        { stroke: "ink", "stroke-dasharray": "4 3" }),
      rivals.flatMap(({ means, color }) => [
        lab.node("path", { fill: color, "fill-opacity": 0.18, d: `${lab.through([
          ...means.map(([mean, half], i) => [x(i + 1), y(mean + half)]),
          ...means.map(([mean, half], i) => [x(i + 1), y(mean - half)]).reverse()])}Z` }),
        lab.path(means.map(([mean], i) => [x(i + 1), y(mean)]),
          { stroke: color, "stroke-width": 2 })]),
      lab.path(incumbents.map((error, i) => [x(i + 1), y(error)]),
        { stroke: "orange", "stroke-width": 3 }),
      errors.map((error, i) => lab.dot(x(i + 1), y(error), { fill: "orange", stroke: "paper" })));
  }

  const controls = ({ lenetModel }) => {
    const { space } = lenetModel;
    const shown = (name, part) => lab.surrogate.configurationAt(lenetModel,
      { ...partsOf(START), [name]: part / PARTS })[name];
    const range = (i, label) => ({ kind: "range", name: NAMES[i], label, min: 0, max: PARTS,
                                   step: 1, value: START[i],
                                   say: (part) => lab.rate(shown(NAMES[i], part)) });
    const choices = space.find(({ name }) => name === "activation").choices;
    const limits = [PARTS, PARTS, PARTS, PARTS, 1, choices.length - 1];
    return [
      { kind: "list", name: "trials", value: [],
        valid: (list) => list.length % NAMES.length === 0 && list.length <= TRIALS * NAMES.length
          && list.every((part, i) => part >= 0 && part <= limits[i % NAMES.length]) },
      range(0, "Learning rate"), { ...range(1, "Batch size"),
                                   say: (part) => `${shown("batch_size", part)} examples` },
      range(2, "Momentum"), range(3, "Weight decay"),
      { kind: "choice", name: "width", label: "Width", value: 0,
        options: [[0, "1, as LeNet"], [1, "2, twice the channels"]] },
      { kind: "choice", name: "activation", label: "Activation", value: 0,
        options: choices.map((choice, i) => [i, choice]) },
      { kind: "button", label: "Train",
        press: (settings) => ({ trials: [...settings.trials, ...current(settings)] }),
        enabled: ({ trials }) => trials.length < TRIALS * NAMES.length },
    ];
  };

  lab.explorables.duel = { title: "you against the optimizer", controls, compute, draw, tell };
})(globalThis.lab ??= {});
