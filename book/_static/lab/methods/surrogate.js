"use strict";
/* The package's surrogate of LeNet's last epoch: the error of configurations never trained. */
((lab) => {
  const DECIMALS = 1e6;

  /** Return the configuration at these parts of the ranges, from 0 to 1, and choices by number. */
  function configurationAt({ space }, parts) {
    const config = {};
    for (const { name, kind, low, high, integer, choices } of space) {
      const part = parts[name];
      if (kind === "choice") config[name] = choices[part];
      else if (kind === "linear") config[name] = low + part * (high - low);
      else config[name] = low * (high / low) ** part;
      if (integer) config[name] = Math.round(config[name]);
    }
    return config;
  }

  /** Return the inputs of the regression: columns in [0, 1], and the logarithm of a step. */
  function features({ space }, config) {
    const columns = space.flatMap(({ name, kind, low, high, choices }) => {
      if (kind === "choice") return choices.map((choice) => Number(choice === config[name]));
      const scale = kind === "log" ? Math.log : Number;
      return [(scale(config[name]) - scale(low)) / (scale(high) - scale(low))];
    });
    const step = config.learning_rate / config.batch_size / (1 - config.momentum);
    return [...columns, Math.log(step) / 10];
  }

  /** Return the error after the last epoch, as `Surrogate.predict`. */
  function predict(model, config) {
    const point = features(model, config);
    const inputs = point.length;
    let score = 0;
    for (let row = 0; row < model.alpha.length; row += 1) {
      let squares = 0;
      for (let i = 0; i < inputs; i += 1) {
        squares += ((point[i] - model.points[row * inputs + i]) / model.lengths[i]) ** 2;
      }
      const s = Math.sqrt(3 * squares);
      score += model.alpha[row] * model.variance * (1 + s) * Math.exp(-s);
    }
    score = score * model.spread + model.center;
    const last = model.errors.length - 1;
    const rank = lab.normalDistribution.distribution(score) * (last + 1) - 0.5;
    const place = Math.min(Math.max(rank, 0), last);
    const index = Math.floor(place);
    const below = model.errors[index];
    const above = model.errors[Math.min(index + 1, last)];
    return Math.round((below + (place - index) * (above - below)) * DECIMALS) / DECIMALS;
  }

  lab.surrogate = { configurationAt, features, predict };
})(globalThis.lab ??= {});
