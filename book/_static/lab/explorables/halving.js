"use strict";
/* Successive halving and Hyperband on recorded learning curves: who survives, and who should. */
((lab) => {
  const { SuccessiveHalvingScheduler, HyperbandScheduler, rungLevels } = lab.schedulers;

  const TOP = 0.95;  // of the axis of errors; a trial that failed at once stands there

  const schedulerOf = (next, { method, eta, first, size }, rMax) => {
    const rungs = { eta, rMin: first, rMax, rounds: 1 };
    if (method === "hyperband") return new HyperbandScheduler(next, rungs);
    const smallest = eta ** (rungLevels(first, rMax, eta).length - 1);
    return new SuccessiveHalvingScheduler(next, { ...rungs, n: Math.max(size, smallest) });
  };

  function compute(settings, data) {
    const lenet = lab.curves(data.lenet);
    const left = [...lenet.orders[settings.order - 1]];
    const scheduler = schedulerOf(() => left.shift() ?? null, settings, lenet.epochs);
    const jobs = lab.cluster.simulate(scheduler, lenet.curve, {});
    const trials = [];
    for (const { id, config, maxEpochs } of jobs) {
      const { errors } = lenet.curve(config);
      trials[id] = { id, config, errors, trained: maxEpochs, final: errors.at(-1) };
    }
    const finished = trials.filter(({ trained, final }) => trained === lenet.epochs
      && Number.isFinite(final));
    const winner = finished.reduce((best, trial) =>
      (!best || trial.final < best.final ? trial : best), null);
    const wrong = trials.filter(({ trained, final }) => trained < lenet.epochs
      && Number.isFinite(final) && final < (winner?.final ?? Infinity));
    const best = Math.min(...trials.map(({ final }) => final).filter(Number.isFinite));
    return {
      trials, winner, wrong, best, finished: finished.length, rungs: scheduler.rungs,
      epochs: lenet.epochs,
      counts: scheduler.rungs.map((rung) => jobs.filter((job) => job.maxEpochs === rung).length),
      cost: lab.sum(jobs.map(({ epoch, maxEpochs }) => maxEpochs - epoch)),
      regret: winner ? winner.final - best : null,
    };
  }

  function tell({ trials, winner, wrong, finished, cost, regret, epochs }) {
    const all = trials.length * epochs;
    const begin = `${lab.count(trials.length, "trial")} begin, ${finished} `
      + `${finished === 1 ? "is" : "are"} trained to epoch ${epochs}. That costs ${cost} epochs, `
      + `${lab.percent(cost / all, 0)} of training all. `;
    if (!winner) return `${begin}No trial has a result.`;
    const result = `The winner's error is ${lab.percent(winner.final)}, `
      + `${lab.decimal(100 * regret)} points above the best of these trials. `;
    if (!wrong.length) return `${begin}${result}No trial was wrongly stopped.`;
    const early = wrong.filter(({ trained }) => trained === Math.min(
      ...wrong.map((trial) => trial.trained))).length;
    const epoch = Math.min(...wrong.map(({ trained }) => trained));
    return `${begin}${result}Wrongly stopped: ${lab.count(wrong.length, "trial")} that would have `
      + `ended below the winner, ${early} of them after ${lab.count(epoch, "epoch")}.`;
  }

  function draw({ trials, winner, wrong, rungs, counts, epochs }, settings, width) {
    const faint = { stroke: "faint", "stroke-width": 0.8, "stroke-opacity": 0.7 };
    const lost = { stroke: "orange", "stroke-width": 1.6 };
    const won = { stroke: "blue", "stroke-width": 3 };
    const legend = lab.legend([
      [lab.lineSign(faint), "trained"], [lab.lineSign(won), "winner"],
      [lab.lineSign(lost), "wrongly stopped"],
      [lab.lineSign({ ...lost, "stroke-dasharray": "4 3" }), "what it missed"],
    ], 8, 12, width - 16);
    const box = { left: 46, top: legend.height + 52, width: width - 66, height: 250 };
    const x = lab.logarithmic([1, epochs], [box.left, box.left + box.width]);
    const y = lab.logarithmic([0.12, TOP], [box.top + box.height, box.top]);
    const line = (errors, from, to, attributes) => lab.path(lab.range(from - 1, to)
      .map((i) => [x(i + 1), y(errors[i])]), attributes);
    const point = (trial, fill) => trial.trained === 1
      ? [lab.dot(x(1), y(trial.errors[0] || TOP), { r: 2, fill })] : [];
    const others = trials.filter((trial) => trial !== winner && !wrong.includes(trial));
    return lab.picture(width, box.top + box.height + 44,
      legend.node,
      lab.axes(box, { scale: x, ticks: rungs.map((rung) => [rung, rung]), label: "epoch" },
        { scale: y, ticks: [0.15, 0.2, 0.3, 0.5, 0.9].map((value) =>
          [value, lab.percent(value, 0)]) }),
      lab.words(box.left + box.width - 4, box.top + 18, "validation error",
        { "text-anchor": "end" }),
      lab.words(8, box.top - 24, "trials trained up to the epoch below:"),
      rungs.map((rung, i) => [
        lab.node("path", { d: `M${x(rung).toFixed(1)} ${box.top}v${box.height}`, stroke: "line",
                           "stroke-dasharray": "2 3" }),
        lab.words(x(rung), box.top - 6, counts[i],
          { "text-anchor": "middle", fill: "ink", "font-weight": "bold" })]).flat(),
      others.flatMap((trial) => [line(trial.errors, 1, trial.trained, faint),
                                 ...point(trial, "faint")]),
      wrong.flatMap((trial) => [
        line(trial.errors, 1, trial.trained, lost), ...point(trial, "orange"),
        line(trial.errors, trial.trained, epochs, { ...lost, "stroke-dasharray": "4 3" })]),
      winner ? line(winner.errors, 1, epochs, won) : []);
  }

  const controls = (data) => [
    { kind: "choice", name: "method", label: "Method", value: "halving",
      options: [["halving", "successive halving"], ["hyperband", "Hyperband, one round"]] },
    { kind: "choice", name: "eta", label: "Reduction factor \u03b7", value: 3,
      options: [[2, "2"], [3, "3"], [4, "4"]] },
    { kind: "choice", name: "first", label: "First rung", value: 1,
      options: [1, 2, 3, 9, 27].map((rung) => [rung, lab.count(rung, "epoch")]) },
    { kind: "range", name: "size", label: "Trials that begin", min: 8, max: 128, step: 1,
      value: 81, say: (value) => `at least ${value}`,
      enabled: ({ method }) => method === "halving" },
    { kind: "range", name: "order", label: "Order of the configurations", min: 1,
      max: data.lenet.orderCount, step: 1, value: 1, say: (value) => `number ${value}` },
  ];

  lab.explorables.halving = { title: "successive halving", controls, compute, draw, tell };
})(globalThis.lab ??= {});
