"use strict";
/* ASHA on a simulated cluster, beside methods whose rungs wait: rungs that fill, a timeline, the
   regret, and wrong decisions. */
((lab) => {
  const TRAININGS = 2;  // how long a search lasts, in mean trainings to the end
  const GOLDEN = 0.618;  // spreads the marks of a rung
  const SLOWER = 10;    // times as long a straggler takes
  const WAITING = new Map([["bracket", 1], ["brackets", Infinity]]);  // mode -> brackets at a time

  /** Return a uniform number that belongs to a job, whenever it runs. */
  const luck = (trial, order) =>
    lab.uniform(order * 1000003 + trial.id * 101 + trial.maxEpochs)();

  /** Return how long a search lasts, and the smallest error that a rung can show. */
  function bounds(lenet, rungs) {
    const curves = lab.range(0, lenet.configurations).map(lenet.curve);
    const full = curves.filter(({ errors }) => Number.isFinite(errors.at(-1)))
      .map(({ seconds }) => seconds.at(-1));
    const seen = curves.flatMap(({ errors }) => rungs.map((rung) => errors[rung - 1]));
    return { limit: TRAININGS * lab.mean(full), best: Math.min(...seen.filter(Number.isFinite)) };
  }

  /** Return the rows that are among the best 1/eta of all recorded ones after this epoch. */
  function bestPart(lenet, epoch, eta) {
    const errors = lab.range(0, lenet.configurations)
      .map((row) => lenet.curve(row).errors[epoch - 1])
      .map((error) => (Number.isFinite(error) ? error : Infinity));
    const quota = Math.floor(errors.length / eta);
    return new Set(lab.range(0, errors.length)
      .filter((row) => errors.filter((other) => other < errors[row]).length < quota));
  }

  /** Return the scheduler of a mode: ASHA, or whole rungs with one bracket at a time or more. */
  function schedulerOf(next, { mode, eta, first }, rMax) {
    const rungs = { eta, rMin: first, rMax };
    if (!WAITING.has(mode)) return new lab.schedulers.ASHAScheduler(next, { ...rungs, mode });
    return new lab.schedulers.SuccessiveHalvingScheduler(next,
      { ...rungs, openBrackets: WAITING.get(mode) });
  }

  /** Whether the job of a trial is a straggler. */
  const delayed = (trial, { order, slow }) => luck(trial, order) < slow / 100;

  /** Run the search that takes the configurations in one order; return its scheduler and jobs. */
  function search(lenet, settings, maxTime) {
    const left = [...lenet.orders[settings.order - 1]];
    const scheduler = schedulerOf(() => left.shift() ?? null, settings, lenet.epochs);
    const jobs = lab.cluster.simulate(scheduler, lenet.curve, { workers: settings.workers, maxTime,
      jobTime: (trial, worker, seconds) => seconds * (delayed(trial, settings) ? SLOWER : 1) });
    return { scheduler, jobs };
  }

  /** Return the jobs begun and the reports made until `now`; who went on from the first rung. */
  function until({ scheduler, jobs }, now) {
    const [first] = scheduler.rungs;
    const begun = jobs.filter(({ start }) => start < now);
    const reports = jobs.filter(({ end }) => end <= now);
    const moved = new Set(begun.map(({ id, epoch }) => `${id} ${epoch}`));
    const onFirst = reports.filter(({ maxEpochs }) => maxEpochs === first);
    return { begun, reports, moved, onFirst,
             promoted: onFirst.filter(({ id }) => moved.has(`${id} ${first}`)) };
  }

  /** Return the steps {time, regret} of the smallest error. */
  function regretOf(reports, best) {
    let incumbent = Infinity;
    return reports.flatMap(({ end, error }) => {
      if (!(error < incumbent)) return [];
      incumbent = error;
      return [{ time: end, regret: incumbent - best }];
    });
  }

  /** Return the mean regret of searches after each hundredth of their time, as [mean, half of its
      interval]; null before each has a report. */
  function meanRegret(searches, { limit, best }) {
    const hundredths = lab.range(0, 101).map((part) => (part * limit) / 100);
    const regrets = searches.map(({ jobs }) => {
      const steps = regretOf(jobs, best);
      return hundredths.map((time) => steps.findLast((step) => step.time <= time)?.regret);
    });
    return hundredths.map((_, i) => regrets.map((regret) => regret[i])).map((values) =>
      (values.every(Number.isFinite) ? lab.meanInterval(values) : null));
  }

  /** Return the searches of all orders and their mean regret. Those of the last settings are kept,
      since the time that is shown changes neither. */
  let kept = { key: null };
  function everyOrder(lenet, { time, order, ...settings }, found) {
    const key = JSON.stringify(settings);
    if (key !== kept.key) {
      const searches = lenet.orders.map((_, i) =>
        search(lenet, { ...settings, order: i + 1 }, found.limit));
      kept = { key, searches, means: meanRegret(searches, found) };
    }
    return kept;
  }

  function compute(settings, data) {
    const { mode, eta, first, workers, time, order } = settings;
    const lenet = lab.curves(data.lenet);
    const { limit, best } = bounds(lenet, lab.schedulers.rungLevels(first, lenet.epochs, eta));
    const { searches, means } = everyOrder(lenet, settings, { limit, best });
    const { scheduler, jobs } = searches[order - 1];
    const now = (limit * time) / 100;
    const { begun, reports, moved, onFirst, promoted } = until(searches[order - 1], now);
    const good = bestPart(lenet, first, eta);
    const onwards = searches.map((one) => until(one, now).promoted);
    const stopped = mode !== "stopping" ? [] : onFirst.filter(({ id, error }) =>
      Number.isFinite(error) && !moved.has(`${id} ${first}`)
      && !scheduler.survivors.some((trial) => trial.id === id));
    return {
      rungs: scheduler.rungs, limit, now, workers, begun, reports, moved,
      regret: regretOf(reports, best),
      all: { orders: searches.length, means,
             promoted: lab.mean(onwards.map(({ length }) => length)),
             wrong: lab.mean(onwards.map((them) =>
               them.filter(({ config }) => !good.has(config)).length)) },
      busy: now ? lab.sum(begun.map(({ start, end }) => Math.min(end, now) - start))
        / (workers * now) : null,
      slowJobs: new Set(jobs.filter((job) => delayed(job, settings)).map(({ number }) => number)),
      trials: new Set(begun.map(({ id }) => id)).size,
      finished: reports.filter(({ maxEpochs }) => maxEpochs === lenet.epochs).length,
      promoted: promoted.length,
      wrongPromotions: promoted.filter(({ config }) => !good.has(config)).map(({ id }) => id),
      stopped: stopped.length,
      wrongStops: stopped.filter(({ config }) => good.has(config)).map(({ id }) => id),
      exhausted: begun.filter(({ epoch }) => epoch === 0).length === lenet.configurations,
    };
  }

  function tell(result, { mode, time }) {
    const { limit, now, workers, trials, finished, regret, exhausted, busy, all } = result;
    const last = regret.at(-1);
    const mean = all.means[time];
    const parts = [
      `After ${lab.decimal(now, 0)} of ${lab.decimal(limit, 0)} simulated seconds on `
        + `${lab.count(workers, "worker")}: ${lab.count(trials, "trial")} begun, ${finished} `
        + "trained to the end.",
      busy === null ? "" : `Workers were busy for ${lab.percent(busy, 0)} of the time.`,
      last ? `Regret: ${lab.decimal(100 * last.regret)} points.` : "No report yet.",
      `Promotions from the first rung: ${result.promoted}, wrong ones: `
        + `${result.wrongPromotions.length}.`,
      mode === "stopping" ? `Stopped there: ${result.stopped}, wrongly: `
        + `${result.wrongStops.length}.` : "",
      exhausted && time > 0 ? "No recorded configuration is left, so workers fall idle." : "",
      time === 0 ? "" : `Means of ${all.orders} orders: ${mean ? `regret `
        + `${lab.decimal(100 * mean[0])} (\u00b1\u00a0${lab.decimal(100 * mean[1])}), ` : ""}`
        + `promotions ${lab.decimal(all.promoted)}, wrong ones ${lab.decimal(all.wrong)}.`,
    ];
    return parts.filter(Boolean).join(" ");
  }

  /** Draw the rungs: a mark for each report by its error. */
  function drawRungs(result, box) {
    const { rungs, reports, moved, wrongPromotions, wrongStops } = result;
    const step = box.height / rungs.length;
    const x = lab.logarithmic([0.12, 0.95], [box.left + 4, box.left + box.width - 88]);
    const wrong = new Set([...wrongPromotions, ...wrongStops]);
    const ticks = [0.15, 0.3, 0.9].map((error) => lab.words(
      x(error), box.top + box.height + 15, lab.percent(error, 0), { "text-anchor": "middle" }));
    return [ticks, rungs.map((rung, level) => {
      const middle = box.top + box.height - (level + 0.5) * step;
      const here = reports.filter(({ maxEpochs }) => maxEpochs === rung);
      const place = ({ id, error }) => [x(Number.isFinite(error) ? error : 0.95),
        middle + (((id * GOLDEN) % 1) - 0.5) * 0.6 * step];
      const [went, stayed] = [true, false].map((up) =>
        here.filter(({ id }) => moved.has(`${id} ${rung}`) === up));
      const isOdd = ({ id }) => level === 0 && wrong.has(id);
      const marks = [false, true].map((odd) => [
        lab.node("g", { fill: "none", stroke: odd ? "orange" : "faint",
                        "stroke-width": odd ? 2 : 1.2 },
          stayed.filter((job) => isOdd(job) === odd).map((job) =>
            lab.dot(...place(job), { r: 3 }))),
        lab.node("g", { fill: odd ? "orange" : "blue" },
          went.filter((job) => isOdd(job) === odd).map((job) => lab.triangle(...place(job), {})))]);
      return [
        lab.node("path", { d: `M${box.left} ${(middle + step / 2).toFixed(1)}h${box.width}`,
                           stroke: "line" }),
        lab.words(box.left - 6, middle + 4, rung, { "text-anchor": "end" }), marks,
        lab.words(box.left + box.width, middle + 4, lab.count(here.length, "report"),
          { "text-anchor": "end" })];
    })];
  }

  /** Draw the timeline: a row a worker, a bar a job. */
  function drawTimeline({ begun, limit, now, rungs, workers, slowJobs }, box) {
    const x = lab.linear([0, limit], [box.left, box.left + box.width]);
    const step = box.height / workers;
    return [
      lab.node("rect", { x: box.left, y: box.top, width: box.width, height: box.height,
                         fill: "band" }),
      [false, true].flatMap((slow) => rungs.map((rung, i) => lab.boxes(
        begun.filter(({ number, maxEpochs }) => maxEpochs === rung
          && slowJobs.has(number) === slow).map(({ worker, start, end }) => [
          x(start), box.top + worker * step + 0.5,
          Math.max(x(Math.min(end, now)) - x(start) - 0.6, 0.4), Math.max(step - 1, 1)]),
        { fill: slow ? "orange" : "blue",
          "fill-opacity": (0.3 + (0.7 * i) / Math.max(rungs.length - 1, 1)).toFixed(2) }))),
      lab.words(box.left - 6, box.top + 10, "1", { "text-anchor": "end" }),
      workers > 1 ? lab.words(box.left - 6, box.top + box.height - 1, workers,
        { "text-anchor": "end" }) : [],
    ];
  }

  /** Draw the regret as steps; the axis is that of square roots. */
  function drawRegret({ regret, limit, now, all: { means } }, box) {
    const x = lab.linear([0, limit], [box.left, box.left + box.width]);
    const y = (value) => box.top + box.height * (1 - Math.sqrt(Math.min(value / 0.4, 1)));
    const places = regret.flatMap(({ time, regret: value }, i) => [
      [x(time), i ? y(regret[i - 1].regret) : NaN], [x(time), y(value)]]);
    if (regret.length) places.push([x(now), y(regret.at(-1).regret)]);
    const mean = means.map((value, i) => [x((i * limit) / 100), value ? y(value[0]) : NaN]);
    return [
      lab.axes(box,
        { scale: x, ticks: [0, 0.25, 0.5, 0.75, 1].map((part) =>
          [part * limit, lab.decimal(part * limit, 0)]), label: "time (simulated seconds)" },
        { scale: (value) => y(value / 100), ticks: [0, 1, 5, 20].map((value) => [value, value]) }),
      lab.path(mean.filter(([at]) => at <= x(now) + 1e-9),
        { stroke: "ink", "stroke-dasharray": "4 3" }),
      lab.path(places, { stroke: "green", "stroke-width": 2.5 })];
  }

  function draw(result, { mode, slow }, width) {
    const { rungs, workers } = result;
    const circle = (fill) => (x, y) => lab.dot(x + 9, y, { r: 3, fill: "none", stroke: fill,
                                                           "stroke-width": 1.5 });
    const legend = lab.legend([
      [circle("faint"), { promotion: "waits", stopping: "stopped" }[mode] ?? "waits or stopped"],
      [(x, y) => lab.triangle(x + 9, y, { fill: "blue" }), "went on"],
      [(x, y) => lab.triangle(x + 9, y, { fill: "orange" }), "wrongly went on"],
      ...(mode === "stopping" ? [[circle("orange"), "wrongly stopped"]] : []),
    ], 8, 12, width - 16);
    const [left, wide] = [34, width - 44];
    const parts = [{ height: rungs.length * 36, below: 18,
                     title: "Rungs (epochs), reports by error" },
                   { height: Math.min(Math.max(workers * 12, 40), 150),
                     title: slow ? "Workers (fainter: shorter; orange: straggler)"
                       : "Workers (the fainter, the shorter)" },
                   { height: 90, title: "Regret (points; dashed: mean of orders)" }];
    let top = legend.height + 10;
    for (const part of parts) {
      part.box = { left, top: top + 22, width: wide, height: part.height };
      top += part.height + 40 + (part.below ?? 0);
    }
    return lab.picture(width, top + 26, legend.node,
      parts.map(({ title, box }) => lab.words(8, box.top - 8, title, { fill: "ink" })),
      drawRungs(result, parts[0].box), drawTimeline(result, parts[1].box),
      drawRegret(result, parts[2].box));
  }

  const controls = (data) => [
    { kind: "range", name: "time", label: "Time shown", min: 0, max: 100, step: 1, value: 100,
      stride: 2, say: (value) => `${value} % of the search` },
    { kind: "choice", name: "mode", label: "Method", value: "promotion",
      options: [["promotion", "ASHA by promotion"], ["stopping", "ASHA by stopping"],
                ["bracket", "whole rungs, one bracket"],
                ["brackets", "whole rungs, more brackets"]] },
    { kind: "choice", name: "eta", label: "Reduction factor \u03b7", value: 3,
      options: [[2, "2"], [3, "3"], [4, "4"]] },
    { kind: "choice", name: "first", label: "First rung", value: 1,
      options: [...[1, 2, 3, 9].map((rung) => [rung, lab.count(rung, "epoch")]),
                [27, "27, random search"]] },
    { kind: "range", name: "workers", label: "Workers", min: 1, max: 64, step: 1, value: 8,
      say: (value) => lab.count(value, "worker") },
    { kind: "range", name: "slow", label: "Stragglers", min: 0, max: 30, step: 1, value: 0,
      say: (value) => `${value} % of the jobs take ten times as long` },
    { kind: "range", name: "order", label: "Order of the configurations", min: 1,
      max: data.lenet.orderCount, step: 1, value: 1, say: (value) => `number ${value}` },
  ];

  lab.explorables.asha = { title: "ASHA on a cluster", controls, compute, draw, tell };
})(globalThis.lab ??= {});
