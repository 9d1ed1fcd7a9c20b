"use strict";
/* Layouts of points in the unit square: a grid, random points, and a Sobol sequence. */
((lab) => {
  const BITS = 30;  // as many as scipy.stats.qmc.Sobol uses

  /** Return the direction numbers of two dimensions (Joe and Kuo, 2008). */
  function directions() {
    const first = lab.range(0, BITS).map((j) => 2 ** (BITS - 1 - j));
    let m = 1;  // of the polynomial x + 1
    const second = first.map((power) => {
      const number = m * power;
      m ^= 2 * m;
      return number;
    });
    return [first, second];
  }

  const DIRECTIONS = directions();

  /** Return the first n points of the sequence in two dimensions, shifted bit by bit. */
  function sobol(n, shift = [0, 0]) {
    const state = [...shift];
    return lab.range(0, n).map((i) => {
      const point = state.map((bits) => bits / 2 ** BITS);
      const lowestZero = 31 - Math.clz32(~i & (i + 1));
      DIRECTIONS.forEach((numbers, axis) => { state[axis] ^= numbers[lowestZero]; });
      return point;
    });
  }

  /** Return a grid of k by k points, in the middle of their cells. */
  const grid = (k) => lab.range(0, k * k)
    .map((i) => [((i % k) + 0.5) / k, (Math.floor(i / k) + 0.5) / k]);

  const random = (n, uniform) => lab.range(0, n).map(() => [uniform(), uniform()]);

  /** Return a random shift of a Sobol sequence. */
  const shift = (uniform) => [0, 0].map(() => Math.floor(uniform() * 2 ** BITS));

  /** Return where a point lies on the two axes of the surface, which is turned by `angle`. */
  function turned([x, y], angle) {
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return [0.5 + cos * (x - 0.5) + sin * (y - 0.5), 0.5 - sin * (x - 0.5) + cos * (y - 0.5)];
  }

  const BOTTOM = 0.43;  // where both valleys have their bottom
  const WIDTH = 0.12;   // of the valleys
  const valley = (position) => 1 - Math.exp(-0.5 * ((position - BOTTOM) / WIDTH) ** 2);

  /** Return the value of the surface, between 0 and 1; `share` is that of the second axis. */
  function surface(point, { angle, share }) {
    const [along, across] = turned(point, angle);
    return (1 - share) * valley(along) + share * valley(across);
  }

  lab.designs = { sobol, grid, random, shift, turned, surface };
})(globalThis.lab ??= {});
