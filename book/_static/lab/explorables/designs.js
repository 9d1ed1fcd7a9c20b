"use strict";
/* Grid, random and Sobol points on a surface whose axes turn and matter more or less. */
((lab) => {
  const REPETITIONS = 200;
  const CELLS = 16;     // a side of the map
  const LAYOUTS = ["grid", "random", "Sobol"];
  const ALONE = { angle: 0, share: 0 };  // the surface of the first axis alone

  /** Return the smallest value that a layout finds. */
  const found = (points, surface) =>
    Math.min(...points.map((point) => lab.designs.surface(point, surface)));

  /** Return how many places points take on an axis, and the longest stretch without one. */
  function shadow(points, angle) {
    const places = points.map((point) => lab.designs.turned(point, angle)[0])
      .sort((one, other) => one - other);
    const distinct = places.filter((place, i) => i === 0 || place - places[i - 1] > 1e-9);
    const gaps = distinct.slice(1).map((place, i) => place - distinct[i]);
    return { places, distinct: distinct.length, gap: Math.max(0, ...gaps) };
  }

  function compute({ side, angle, share, seed }) {
    const { grid, random, sobol, shift } = lab.designs;
    const surface = { angle: (angle * Math.PI) / 180, share: share / 100 };
    const n = side * side;
    const shown = lab.uniform(seed);
    const points = [grid(side), random(n, shown), sobol(n, shift(shown))];
    const uniform = lab.uniform(7);
    const repeated = [random, (size, numbers) => sobol(size, shift(numbers))].map((layout) =>
      lab.meanInterval(lab.range(0, REPETITIONS).map(() => found(layout(n, uniform), surface))));
    return { n, surface, layouts: LAYOUTS.map((name, i) => ({
      name, points: points[i], regret: found(points[i], surface),
      mean: i === 0 ? [found(points[0], surface), 0] : repeated[i - 1],
      shadow: shadow(points[i], surface.angle) })) };
  }

  function tell({ n, layouts }) {
    const [grid, random, sobol] = layouts;
    const often = ([mean, half]) => `${lab.percent(mean)} (\u00b1\u00a0${lab.decimal(100 * half)})`;
    return `With ${n} points the grid tries ${lab.count(grid.shadow.distinct, "place")} on the `
      + `first axis, random search ${random.shadow.distinct} and Sobol ${sobol.shadow.distinct}. `
      + `Regret, in per cent of the valley's depth: grid ${lab.percent(grid.mean[0])}; the mean `
      + `of ${REPETITIONS} layouts, with its 95 % interval, is ${often(random.mean)} for random `
      + `points and ${often(sobol.mean)} for Sobol points.`;
  }

  function draw({ layouts, surface }, settings, width) {
    const gap = 14;
    const side = (width - 16 - 2 * gap) / 3;
    const top = 26;
    const cell = side / CELLS;
    const middle = (i) => (i + 0.5) / CELLS;
    const panels = layouts.map(({ name, points, regret, shadow: { places } }, i) => {
      const left = 8 + i * (side + gap);
      const cells = lab.range(0, CELLS * CELLS).map((k) => [k % CELLS, Math.floor(k / CELLS)]);
      const shade = ([column, row]) => (0.75
        * (1 - lab.designs.surface([middle(column), middle(row)], surface))).toFixed(2);
      const map = lab.grouped(cells, shade).filter(([opacity]) => opacity >= 0.03)
        .map(([opacity, those]) => lab.boxes(those.map(([column, row]) =>
          [left + column * cell, top + side - (row + 1) * cell, cell + 0.3, cell + 0.3]),
        { fill: "green", "fill-opacity": opacity }));
      const radius = points.length > 36 ? 2.2 : 3;
      const base = top + side + 62;
      const floor = base - 4;
      const x = lab.linear([-0.25, 1.25], [left, left + side]);
      const valley = lab.range(0, 61).map((k) => {
        const place = -0.25 + k / 40;
        return [x(place), floor - 30 + 26 * lab.designs.surface([place, 0], ALONE)];
      });
      return [
        lab.words(left, top - 8, name, { fill: "ink" }),
        lab.node("rect", { x: left, y: top, width: side, height: side, fill: "band" }), map,
        points.map(([a, b]) => lab.dot(left + a * side, top + (1 - b) * side,
          { r: radius, fill: "ink", stroke: "paper", "stroke-width": 0.8 })),
        lab.path(valley, { stroke: "green", "stroke-width": 1.5 }),
        places.map((place) => lab.node("path", {
          d: `M${x(place).toFixed(1)} ${base}v9`, stroke: "ink", "stroke-opacity": 0.7 })),
        lab.words(left, base + 28, `regret ${lab.percent(regret)}`),
      ];
    });
    return lab.picture(width, top + side + 98, panels,
      lab.words(8, top + side + 20, "Shadows on the first axis, below its valley:"));
  }

  const controls = () => [
    { kind: "range", name: "side", label: "Points", min: 2, max: 8, step: 1, value: 4,
      say: (side) => `${side * side}` },
    { kind: "range", name: "angle", label: "Angle of the axes", min: 0, max: 90, step: 5, value: 0,
      say: (angle) => `${angle} degrees` },
    { kind: "range", name: "share", label: "Importance of the second axis", min: 0, max: 50,
      step: 5, value: 10, say: (share) => `${share} %` },
    { kind: "range", name: "seed", label: "Seed", min: 1, max: 50, step: 1, value: 1,
      say: (seed) => `number ${seed}` },
  ];

  lab.explorables.designs = { title: "grid, random and Sobol points", controls, compute, draw,
                              tell };
})(globalThis.lab ??= {});
