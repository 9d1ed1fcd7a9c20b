"use strict";
/* A Gaussian process in one dimension, as in the section on Bayesian optimization: Matern-5/2
   kernel, mean 0, and the expected improvement. */
((lab) => {
  /** Return the Matern-5/2 correlation of values at points so many length scales apart. */
  function matern52(distance) {
    const s = Math.sqrt(5) * distance;
    return (1 + s + (s * s) / 3) * Math.exp(-s);
  }

  /** Return the lower triangular L with L L' = matrix, as a list of rows. */
  function cholesky(matrix) {
    const factor = [];
    matrix.forEach((row, i) => {
      factor.push([]);
      for (let j = 0; j <= i; j += 1) {
        let rest = row[j];
        for (let k = 0; k < j; k += 1) rest -= factor[i][k] * factor[j][k];
        factor[i].push(i === j ? Math.sqrt(rest) : rest / factor[j][j]);
      }
    });
    return factor;
  }

  /** Solve L x = b. */
  function solveLower(factor, b) {
    const x = [];
    factor.forEach((row, i) => {
      let rest = b[i];
      for (let k = 0; k < i; k += 1) rest -= row[k] * x[k];
      x.push(rest / row[i]);
    });
    return x;
  }

  /** Solve L' x = b. */
  function solveUpper(factor, b) {
    const x = [...b];
    for (let i = b.length - 1; i >= 0; i -= 1) {
      for (let k = i + 1; k < b.length; k += 1) x[i] -= factor[k][i] * x[k];
      x[i] /= factor[i][i];
    }
    return x;
  }

  /** The process with this length scale, variance and noise variance, given targets at points. */
  class GaussianProcess {
    constructor(points, targets, { length, variance, noise }) {
      Object.assign(this, { points, targets, length, variance });
      this.factor = cholesky(points.map((point, i) => this.covariances(point)
        .map((value, j) => value + (i === j ? noise : 0))));
      this.weights = solveUpper(this.factor, solveLower(this.factor, targets));
    }

    covariances(point) {
      return this.points.map((other) => this.variance
        * matern52(Math.abs(point - other) / this.length));
    }

    /** Return mean and standard deviation of the value (without noise) at a point. */
    predict(point) {
      const covariances = this.covariances(point);
      const half = solveLower(this.factor, covariances);
      const mean = lab.sum(covariances.map((value, i) => value * this.weights[i]));
      const variance = this.variance - lab.sum(half.map((value) => value * value));
      return { mean, deviation: Math.sqrt(Math.max(variance, 0)) };
    }

    /** Return the logarithm of the targets' density. */
    logLikelihood() {
      const fit = lab.sum(this.targets.map((target, i) => target * this.weights[i]));
      const determinant = lab.sum(this.factor.map((row, i) => Math.log(row[i])));
      return -0.5 * fit - determinant - 0.5 * this.points.length * Math.log(2 * Math.PI);
    }
  }

  /** Return how far a normal value is expected below `best`. */
  function expectedImprovement({ mean, deviation }, best) {
    const { density, distribution } = lab.normalDistribution;
    const z = (best - mean) / Math.max(deviation, 1e-100);
    return (best - mean) * distribution(z) + deviation * density(z);
  }

  /** Return errors with mean 0 and standard deviation 1, and these two numbers. */
  function standardise(errors) {
    const center = lab.mean(errors);
    const spread = Math.sqrt(lab.mean(errors.map((error) => (error - center) ** 2))) || 1;
    return { targets: errors.map((error) => (error - center) / spread), center, spread };
  }

  lab.process = { matern52, GaussianProcess, expectedImprovement, standardise };
})(globalThis.lab ??= {});
