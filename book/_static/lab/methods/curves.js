"use strict";
/* Recorded learning curves, as the build wrote them. */
((lab) => {
  const FAILED = 65535;
  const read = new WeakMap();

  /** Return {epochs, configurations, curve(row), orders} of a recording; failed: NaN. */
  lab.curves = (data) => {
    if (!read.has(data)) {
      const { epochs, examples } = data;
      const counts = lab.numbers(data.errors, Uint16Array);
      const elapsed = lab.numbers(data.seconds, Float32Array);
      const order = lab.numbers(data.orders, Uint8Array);
      const rows = counts.length / epochs;
      const curves = lab.range(0, rows).map((row) => ({
        errors: Array.from(counts.slice(row * epochs, (row + 1) * epochs),
          (count) => (count === FAILED ? NaN : count / examples)),
        seconds: Array.from(elapsed.slice(row * epochs, (row + 1) * epochs),
          (value) => Math.round(value * 1e7) / 1e7) }));  // as the package reads them
      read.set(data, {
        epochs, configurations: rows, curve: (row) => curves[row],
        orders: lab.range(0, data.orderCount).map((i) =>
          Array.from(order.slice(i * rows, (i + 1) * rows))) });
    }
    return read.get(data);
  };
})(globalThis.lab ??= {});
