"use strict";
/* The package's simulated cluster: a scheduler on a virtual clock, over recorded curves. */
((lab) => {
  /** Insert a job into a list that is sorted by end, then by number. */
  function insert(running, job) {
    let at = running.length;
    const later = (other) =>
      other.end > job.end || (other.end === job.end && other.number > job.number);
    while (at > 0 && later(running[at - 1])) {
      at -= 1;
    }
    running.splice(at, 0, job);
  }

  /** Return the jobs of a search in the order in which they end.

      `curve(config)` returns {errors, seconds}, the seconds elapsed; `jobTime(trial, worker,
      seconds)` says how long a job takes. No job starts at `maxTime` or later. */
  function simulate(scheduler, curve, { workers = 1, maxTime = Infinity,
                                        jobTime = (trial, worker, seconds) => seconds }) {
    const idle = lab.range(0, workers);
    const running = [];
    const jobs = [];
    let [clock, number, waiting] = [0, 0, false];
    for (;;) {
      const reportIsDue = running.length > 0 && running[0].end <= clock;
      if (idle.length && !waiting && clock < maxTime && !reportIsDue) {
        const trial = scheduler.suggest();
        if (!trial) {
          waiting = true;
          continue;
        }
        const { errors, seconds } = curve(trial.config);
        const begin = trial.epoch ? seconds[trial.epoch - 1] : 0;
        const worker = idle.shift();
        const duration = jobTime(trial, worker, seconds[trial.maxEpochs - 1] - begin);
        insert(running, { ...trial, number, worker, start: clock, end: clock + duration,
                          error: errors[trial.maxEpochs - 1] });
        number += 1;
      } else if (running.length) {
        const job = running.shift();
        jobs.push(job);
        idle.push(job.worker);
        idle.sort((one, other) => one - other);
        waiting = false;
        clock = Math.max(clock, job.end);
        scheduler.update(job, job.error);
      } else {
        return jobs;
      }
    }
  }

  lab.cluster = { simulate };
})(globalThis.lab ??= {});
