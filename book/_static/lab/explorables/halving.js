"use strict";
/* Successive halving and Hyperband on recorded learning curves: who survives, and who should. */
((lab) => {
  const { SuccessiveHalvingScheduler, HyperbandScheduler, rungLevels } = lab.schedulers;

  const TOP = 0.95;  // of the axis of errors; a trial that failed at once stands there
  const HIGHEST = 0.3;  // mean of the repeated method that is drawn
  const TRAININGS = 16;  // the price of a method that is repeated, in trainings to the end
  const PART = 4;  // one in so many configurations is among the best ones

  /** Return the rows to choose from: all, or the quarter that ends best. */
  function poolOf(lenet, pool) {
    const final = (row) => lenet.curve(row).errors.at(-1);
    const rows = lab.range(0, lenet.configurations);
    if (pool === "all") return new Set(rows);
    return new Set(rows.filter((row) => Number.isFinite(final(row)))
      .sort((one, other) => final(one) - final(other)).slice(0, rows.length / PART));
  }

  /** Return a scheduler that takes the configurations in this order. */
  function schedulerOf(lenet, { method, eta, first, size, order, pool }, rounds) {
    const rows = poolOf(lenet, pool);
    const left = lenet.orders[order - 1].filter((row) => rows.has(row));
    const next = () => left.shift() ?? null;
    const rungs = { eta, rMin: first, rMax: lenet.epochs, rounds };
    if (method === "hyperband") return new HyperbandScheduler(next, rungs);
    const smallest = eta ** (rungLevels(first, lenet.epochs, eta).length - 1);
    return new SuccessiveHalvingScheduler(next, { ...rungs, n: Math.max(size, smallest) });
  }

  /** Run the method once; return its scheduler, its jobs and its trials. */
  function runOnce(lenet, settings) {
    const scheduler = schedulerOf(lenet, settings, 1);
    const jobs = lab.cluster.simulate(scheduler, lenet.curve, {});
    const trials = [];
    for (const { id, config, epoch, maxEpochs } of jobs) {
      const { errors } = lenet.curve(config);
      trials[id] = { id, config, errors, trained: maxEpochs, final: errors.at(-1),
                     passed: epoch > 0 || maxEpochs === lenet.epochs };
    }
    return { scheduler, jobs, trials };
  }

  /** Return the trial with the smallest of these errors, the first of them; null without any. */
  const bestOf = (trials) => trials.filter(({ final }) => Number.isFinite(final))
    .reduce((best, trial) => (!best || trial.final < best.final ? trial : best), null);

  /** Return the smallest error so far after 1, 2, ... epochs of a method that is repeated. */
  function repeated(lenet, settings) {
    const clock = lab.range(1, lenet.epochs + 1);
    const spent = lab.range(1, TRAININGS * lenet.epochs + 1);
    const jobs = lab.cluster.simulate(schedulerOf(lenet, settings, Infinity),
      (row) => ({ errors: lenet.curve(row).errors, seconds: clock }), { maxTime: spent.length });
    let [smallest, at] = [Infinity, 0];
    return spent.map((epochs) => {
      for (; at < jobs.length && jobs[at].end <= epochs; at += 1) {
        if (jobs[at].error < smallest) smallest = jobs[at].error;
      }
      return smallest;
    });
  }

  /** Return what all orders have in common: how many let their best trial pass its first rung, and
      the smallest error of the repeated method as [mean, half of its interval] after 1, 2, ...
      epochs, null before each order has one. */
  function overOrders(lenet, settings) {
    const orders = lenet.orders.map((_, i) => ({ ...settings, order: i + 1 }));
    const passed = orders.filter((one) => bestOf(runOnce(lenet, one).trials)?.passed).length;
    const smallest = orders.map((one) => repeated(lenet, one));
    const means = smallest[0].map((_, i) => smallest.map((errors) => errors[i]))
      .map((errors) => (errors.every(Number.isFinite) ? lab.meanInterval(errors) : null));
    return { orders: orders.length, passed, means };
  }

  function compute(settings, data) {
    const lenet = lab.curves(data.lenet);
    const { scheduler, jobs, trials } = runOnce(lenet, settings);
    const finished = trials.filter(({ trained, final }) => trained === lenet.epochs
      && Number.isFinite(final));
    const winner = bestOf(finished);
    const wrong = trials.filter(({ trained, final }) => trained < lenet.epochs
      && Number.isFinite(final) && final < (winner?.final ?? Infinity));
    return {
      trials, winner, wrong, finished: finished.length, rungs: scheduler.rungs,
      epochs: lenet.epochs,
      brackets: settings.method === "hyperband" ? scheduler.brackets() : [],
      counts: scheduler.rungs.map((rung) => jobs.filter((job) => job.maxEpochs === rung).length),
      cost: lab.sum(jobs.map(({ epoch, maxEpochs }) => maxEpochs - epoch)),
      regret: winner ? winner.final - bestOf(trials).final : null,
      all: overOrders(lenet, settings),
    };
  }

  /** Return words: "27 trials from epoch 1, 12 from epoch 3". */
  const bracketWords = (brackets) => brackets.map(({ size, rungs }, i) =>
    `${i ? size : lab.count(size, "trial")} from epoch ${rungs[0]}`).join(", ");

  function tell(result) {
    const { trials, winner, wrong, finished, cost, regret, epochs, brackets, all } = result;
    const [mean, half] = all.means.at(-1);
    const parts = [
      `${lab.count(trials.length, "trial begins", "trials begin")}`
        + `${brackets.length ? ` in ${lab.count(brackets.length, "bracket")} (`
          + `${bracketWords(brackets)})` : ""}, ${finished} `
        + `${finished === 1 ? "is" : "are"} trained to epoch ${epochs}.`,
      `That costs ${cost} epochs, ${lab.percent(cost / (trials.length * epochs), 0)} of training `
        + "all.",
      winner ? `The winner's error is ${lab.percent(winner.final)}, ${lab.decimal(100 * regret)} `
        + "points above the best of these trials." : "No trial has a result.",
      wrongWords(wrong),
      `Over ${all.orders} orders: the best trial passes the first rung in ${all.passed}; repeated `
        + `up to the price of ${TRAININGS} trainings, the smallest error is ${lab.percent(mean, 2)} `
        + `(\u00b1\u00a0${lab.decimal(100 * half, 2)}).`,
    ];
    return parts.join(" ");
  }

  function wrongWords(wrong) {
    if (!wrong.length) return "No trial was wrongly stopped.";
    const epoch = Math.min(...wrong.map(({ trained }) => trained));
    const early = wrong.filter(({ trained }) => trained === epoch).length;
    return `Wrongly stopped: ${lab.count(wrong.length, "trial")} that would have ended below the `
      + `winner, ${early === wrong.length ? "" : `${early} of them `}after `
      + `${lab.count(epoch, "epoch")}.`;
  }

  /** Draw the smallest error of a method that is repeated. */
  function drawRepeated({ all: { means }, epochs }, box) {
    const x = lab.linear([0, means.length], [box.left, box.left + box.width]);
    const y = lab.logarithmic([0.13, HIGHEST], [box.top + box.height, box.top]);
    const equal = (i, j) => means[j]?.[0] === means[i][0] && means[j]?.[1] === means[i][1];
    const known = lab.range(0, means.length)  // the ends of the steps; between them it is level
      .filter((i) => means[i] && !(equal(i, i - 1) && equal(i, i + 1)));
    const edge = (sign) => known.map((i) =>
      [x(i + 1), y(Math.min(means[i][0] + sign * means[i][1], HIGHEST))]);
    return [
      lab.node("path", { fill: "blue", "fill-opacity": 0.25,
                         d: `${lab.through([...edge(1), ...edge(-1).reverse()])}Z` }),
      lab.axes(box, { scale: x, label: `price in trainings of ${epochs} epochs`,
                      ticks: lab.range(0, 5).map((i) =>
                        [(i * means.length) / 4, (i * TRAININGS) / 4]) },
        { scale: y, ticks: [0.15, 0.2, 0.25, 0.3].map((value) => [value, lab.percent(value, 0)]) }),
      lab.path(edge(0), { stroke: "blue", "stroke-width": 2 })];
  }

  function draw(result, settings, width) {
    const { trials, winner, wrong, rungs, counts, epochs } = result;
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
    const below = { ...box, top: box.top + box.height + 72, height: 110 };
    const ticks = [...new Set([1, ...rungs])].map((rung) => [rung, rung]);
    return lab.picture(width, below.top + below.height + 44,
      legend.node,
      lab.axes(box, { scale: x, ticks, label: "epoch" },
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
      winner ? line(winner.errors, 1, epochs, won) : [],
      lab.words(8, below.top - 12, "Repeated: smallest error, mean of orders", { fill: "ink" }),
      drawRepeated(result, below));
  }

  const controls = (data) => [
    { kind: "choice", name: "method", label: "Method", value: "halving",
      options: [["halving", "successive halving"], ["hyperband", "Hyperband, one round"]] },
    { kind: "choice", name: "eta", label: "Reduction factor \u03b7", value: 3,
      options: [[2, "2"], [3, "3"], [4, "4"], [27, "27, a single decision"]] },
    { kind: "choice", name: "first", label: "First rung", value: 1,
      options: [1, 2, 3, 9, 27].map((rung) => [rung, lab.count(rung, "epoch")]) },
    { kind: "range", name: "size", label: "Trials that begin", min: 8, max: 128, step: 1,
      value: 27, say: (value) => `at least ${value}`,
      enabled: ({ method }) => method === "halving" },
    { kind: "range", name: "order", label: "Order of the configurations", min: 1,
      max: data.lenet.orderCount, step: 1, value: 7, say: (value) => `number ${value}` },
    { kind: "choice", name: "pool", label: "Configurations", value: "all",
      options: [["all", `all ${lab.curves(data.lenet).configurations}`],
                ["best", "the quarter that ends best"]] },
  ];

  lab.explorables.halving = { title: "successive halving", controls, compute, draw, tell };
})(globalThis.lab ??= {});
