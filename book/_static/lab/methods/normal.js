"use strict";
/* The normal distribution: its density, and its distribution function to 1e-14. */
((lab) => {
  const density = (z) => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);

  /** Return the probability that a standard normal number is below z. */
  function distribution(z) {
    if (z > 0) return 1 - distribution(-z);
    if (z < -38) return 0;
    if (z > -3) {  // a series whose terms have one sign
      let [term, total] = [-z, -z];
      for (let k = 1; term > 1e-17 * total; k += 1) {
        term *= (z * z) / (2 * k + 1);
        total += term;
      }
      return 0.5 - density(z) * total;
    }
    let fraction = 0;  // a continued fraction, from its end
    for (let k = 150; k > 0; k -= 1) fraction = k / (-z + fraction);
    return density(z) / (-z + fraction);
  }

  lab.normalDistribution = { density, distribution };
})(globalThis.lab ??= {});
