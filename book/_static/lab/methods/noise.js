"use strict";
/* The winner's curse: what the smallest of many noisy errors says about its own trial. */
((lab) => {
  /** Search once: n configurations of these true errors, each seen with normal noise.

      Returns {trials: [{truth, seen}], reported, winner, best}: what the winner is reported with,
      its true error, and the smallest true error among the trials. */
  function search(truths, n, deviation, uniform) {
    const normal = lab.normal(uniform);
    const trials = lab.range(0, n).map(() => {
      const truth = truths[Math.floor(uniform() * truths.length)];
      return { truth, seen: truth + deviation * normal() };
    });
    const winner = trials.reduce((best, trial) => (trial.seen < best.seen ? trial : best));
    return { trials, reported: winner.seen, winner: winner.truth,
             best: Math.min(...trials.map(({ truth }) => truth)) };
  }

  /** Repeat a search; return means of the reported, the winner's and the best true error, the
      optimism with half of its 95 % interval, and the share of the searches with a wrong winner. */
  function repeat(truths, n, deviation, repetitions, seed) {
    const uniform = lab.uniform(seed);
    const runs = lab.range(0, repetitions).map(() => search(truths, n, deviation, uniform));
    return {
      reported: lab.mean(runs.map((run) => run.reported)),
      winner: lab.mean(runs.map((run) => run.winner)),
      best: lab.mean(runs.map((run) => run.best)),
      optimism: lab.meanInterval(runs.map((run) => run.winner - run.reported)),
      wrong: lab.mean(runs.map((run) => Number(run.winner > run.best))),
    };
  }

  lab.noise = { search, repeat };
})(globalThis.lab ??= {});
