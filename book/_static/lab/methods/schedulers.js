"use strict";
/* The package's schedulers: rungs, successive halving, Hyperband, and ASHA with one ladder.

   A trial is {id, config, epoch, maxEpochs}; an error that is not finite is a failure. `next()`
   returns the next configuration, or null. Decisions are those of d2l_hpo, tie for tie. */
((lab) => {
  /** Return the epochs of the rungs from rMin to rMax. */
  function rungLevels(rMin, rMax, eta) {
    const levels = [rMin];
    while (levels.at(-1) * eta < rMax) levels.push(levels.at(-1) * eta);
    return rMin === rMax ? levels : [...levels, rMax];
  }

  /** Return {size, rungs} of Hyperband's brackets, the one with most rungs first. */
  function hyperbandBrackets(rungs, eta) {
    const m = rungs.length;
    return lab.range(0, m).reverse().map((s) => ({
      size: Math.ceil((m * eta ** s) / (s + 1)), rungs: rungs.slice(m - 1 - s) }));
  }

  /** Starts trials and resumes them rung by rung. */
  class MultiFidelityScheduler {
    constructor(next, { eta, rMin, rMax }) {
      Object.assign(this, { next, eta, rMin, rMax });
      this.rungs = rungLevels(rMin, rMax, eta);
      this.plans = [];    // of each trial the rungs that it may reach
      this.reports = [];  // of each trial the number of rungs that it has reached
      this.over = [];     // trials that never go on, in the order in which that was found
    }

    start(rungs) {
      const config = this.next();
      if (config === null) return null;
      this.plans.push(rungs);
      this.reports.push(0);
      return { id: this.plans.length - 1, config, epoch: 0, maxEpochs: rungs[0] };
    }

    resume({ id, config }) {
      const level = this.reports[id];
      const rungs = this.plans[id];
      return { id, config, epoch: rungs[level - 1], maxEpochs: rungs[level] };
    }

    accept(trial, error) {
      this.reports[trial.id] += 1;
      if (trial.maxEpochs === this.rMax || !Number.isFinite(error)) this.over.push(trial.id);
    }
  }

  /** Runs brackets of `size` trials whose rungs wait for all; meanwhile the next bracket begins. */
  class BracketScheduler extends MultiFidelityScheduler {
    constructor(next, settings) {
      super(next, settings);
      this.rounds = settings.rounds ?? Infinity;
      this.openBrackets = settings.openBrackets ?? Infinity;
      this.n = settings.n;
      Object.assign(this, { roundsBegun: 0, exhausted: false, upcoming: [], open: [] });
      this.places = new Map();
    }

    suggest() {
      for (;;) {
        for (const bracket of this.open) {
          const trial = this.nextTrial(bracket);
          if (trial) {
            bracket.running += 1;
            this.places.set(trial.id, bracket);
            return trial;
          }
        }
        this.open = this.open.filter((bracket) => bracket.running > 0);
        if (this.open.length === this.openBrackets || !this.beginBracket()) return null;
      }
    }

    nextTrial(bracket) {
      if (bracket.vacancies) {
        const trial = this.start(bracket.rungs);
        if (trial) {
          bracket.vacancies -= 1;
          return trial;
        }
        bracket.vacancies = 0;
        this.exhausted = true;
      }
      if (!bracket.promoted.length && !bracket.running) this.promote(bracket);
      return bracket.promoted.length ? this.resume(bracket.promoted.shift()) : null;
    }

    update(trial, error) {
      this.accept(trial, error);
      const bracket = this.places.get(trial.id);
      this.places.delete(trial.id);
      bracket.running -= 1;
      if (trial.maxEpochs !== this.rMax) bracket.finished.push({ error, trial });
    }

    promote(bracket) {
      const quota = Math.max(1, Math.floor(bracket.finished.length / this.eta));
      const ranked = bracket.finished.filter(({ error }) => Number.isFinite(error))
        .sort((one, other) => one.error - other.error);  // stable: ties in the order of reports
      bracket.promoted = ranked.slice(0, quota).map(({ trial }) => trial);
      this.over.push(...ranked.slice(quota).map(({ trial }) => trial.id));
      bracket.finished = [];
    }

    beginBracket() {
      const last = !this.upcoming.length && this.roundsBegun === this.rounds;
      if (this.exhausted || last) return false;
      if (!this.upcoming.length) {
        this.roundsBegun += 1;
        this.upcoming = this.brackets();
      }
      const { size, rungs } = this.upcoming.shift();
      this.open.push({ vacancies: size, rungs, running: 0, finished: [], promoted: [] });
      return true;
    }
  }

  /** Trains `n` trials to the first rung, the best 1/eta of them to the next, and so on. */
  class SuccessiveHalvingScheduler extends BracketScheduler {
    brackets() {
      const n = this.n ?? this.eta ** (this.rungs.length - 1);
      return [{ size: n, rungs: this.rungs }];
    }
  }

  /** Runs brackets of successive halving whose first rungs are rMin, rMin * eta, ..., rMax. */
  class HyperbandScheduler extends BracketScheduler {
    brackets() { return hyperbandBrackets(this.rungs, this.eta); }
  }

  /** The reports at one epoch, in order, and those not promoted yet. */
  class Rung {
    constructor() {
      this.ranking = [];
      this.waiting = [];
      this.arrivals = 0;
    }

    add(error, trial) {
      const report = { error: Number.isFinite(error) ? error : Infinity, arrival: this.arrivals,
                       trial };
      this.arrivals += 1;
      this.ranking.splice(place(this.ranking, report), 0, report);
      this.waiting.splice(place(this.waiting, report), 0, report);
    }

    promote(eta) {
      const quota = Math.floor(this.ranking.length / eta);
      const best = this.waiting[0];
      if (!best || best.error === Infinity || place(this.ranking, best) >= quota) return null;
      return this.waiting.shift().trial;
    }

    survives(error, eta) {
      const better = place(this.ranking, { error, arrival: -1 });
      return Number.isFinite(error) && better * eta <= this.ranking.length;
    }
  }

  /** Return the place of a report among sorted ones: the number of those before it. */
  function place(sorted, { error, arrival }) {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = sorted[middle];
      const before = other.error < error || (other.error === error && other.arrival < arrival);
      if (before) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Asynchronous successive halving, by "promotion" or by "stopping". */
  class ASHAScheduler extends MultiFidelityScheduler {
    constructor(next, settings) {
      super(next, settings);
      this.mode = settings.mode ?? "promotion";
      this.board = new Map(this.rungs.slice(0, -1).map((epoch) => [epoch, new Rung()]));
      this.survivors = [];
    }

    suggest() {
      const trial = this.survivors.shift() ?? this.promotable();
      return trial ? this.resume(trial) : this.start(this.rungs);
    }

    promotable() {
      if (this.mode === "stopping") return null;
      for (const epoch of this.rungs.slice(0, -1).reverse()) {
        const trial = this.board.get(epoch).promote(this.eta);
        if (trial) return trial;
      }
      return null;
    }

    update(trial, error) {
      this.accept(trial, error);
      if (trial.maxEpochs === this.rMax) return;
      const rung = this.board.get(trial.maxEpochs);
      rung.add(error, trial);
      if (this.mode === "promotion") return;
      if (rung.survives(error, this.eta)) this.survivors.push(trial);
      else if (Number.isFinite(error)) this.over.push(trial.id);
    }
  }

  lab.schedulers = { rungLevels, hyperbandBrackets, SuccessiveHalvingScheduler,
                     HyperbandScheduler, ASHAScheduler };
})(globalThis.lab ??= {});
