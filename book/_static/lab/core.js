"use strict";
/* What all parts of the laboratory share: data, random numbers, numbers as words, and pictures.

   A script adds its part to the one global object `lab`. Scripts are classic and deferred, since a
   browser loads no ES modules from a file. Everything but frame.js runs without a page, too. */
((lab) => {
  lab.data = {};         // name -> what the build wrote from the package's recordings
  lab.explorables = {};  // name -> what frame.js shows: controls, compute, draw, tell

  // -- Data ------------------------------------------------------------------------------------

  /** Return the numbers of a typed array that is given as base64, little-endian. */
  lab.numbers = (text, Type) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Type(bytes.buffer);
  };

  /** Return the integers from `begin` up to, not including, `end`. */
  lab.range = (begin, end) => Array.from({ length: end - begin }, (_, i) => begin + i);

  lab.sum = (values) => values.reduce((total, value) => total + value, 0);
  lab.mean = (values) => lab.sum(values) / values.length;

  /** Return the mean and half the width of its 95 % interval, by the normal distribution. */
  lab.meanInterval = (values) => {
    const mean = lab.mean(values);
    const variance = lab.sum(values.map((value) => (value - mean) ** 2)) / (values.length - 1);
    return [mean, 1.959963984540054 * Math.sqrt(variance / values.length)];
  };

  // -- Random numbers --------------------------------------------------------------------------

  /** Return a generator of uniform numbers in [0, 1) (mulberry32, 32 bits of state). */
  lab.uniform = (seed) => {
    let state = seed | 0;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  };

  /** Return a generator of standard normal numbers, two uniform ones each (Box and Muller). */
  lab.normal = (uniform) => () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  };

  // -- Words -----------------------------------------------------------------------------------

  const MINUS = "\u2212";

  /** Return a number with so many decimals. */
  lab.decimal = (value, digits = 1) => {
    const text = Math.abs(value).toFixed(digits);
    return (value < 0 && Number(text) !== 0 ? MINUS : "") + text;
  };

  /** Return a fraction as per cent. */
  lab.percent = (value, digits = 1) => `${lab.decimal(100 * value, digits)}\u00a0%`;

  /** Return a number and its noun: "1 trial", "2 trials". */
  lab.count = (number, noun, plural = `${noun}s`) => `${number} ${number === 1 ? noun : plural}`;

  /** Return a number with two significant digits, for rates. */
  lab.rate = (value) => String(Number(value.toPrecision(2)));

  // -- Pictures --------------------------------------------------------------------------------

  /* A picture is a tree of plain objects. A page makes elements of it, whose colours are the
     theme's; a still image is its text, with the colours of one mode. */
  lab.COLORS = {  // name -> in light and in dark mode
    paper: ["#ffffff", "#121212"],
    ink: ["#222832", "#e3e8ee"],
    note: ["#48566b", "#b4bdc8"],
    faint: ["#9aa5b1", "#66717f"],
    line: ["#d3d8de", "#3a424d"],
    band: ["#dfe5ec", "#2b333e"],
    blue: ["#0072b2", "#5db4e8"],
    orange: ["#c04e00", "#f08c4a"],
    green: ["#00714f", "#3fbf95"],
    purple: ["#5e3c99", "#b398e6"],
  };
  lab.MODES = ["light", "dark"];

  /** Return a node of a picture. `fill` and `stroke` are names of colours, or "none". */
  lab.node = (tag, attributes = {}, ...children) =>
    ({ tag, attributes, children: children.flat(Infinity) });

  /** Return words at a place; `anchor` says which end of them it is. */
  lab.words = (x, y, text, attributes = {}) =>
    lab.node("text", { x, y, fill: "note", ...attributes }, text);

  const PLACES = new Set(["x", "y", "cx", "cy", "width", "height"]);
  const rounded = (name, value) => (typeof value === "number"
    ? Number(value.toFixed(PLACES.has(name) ? 1 : 2)) : value);
  const isColor = (name, value) => (name === "fill" || name === "stroke") && value !== "none";
  const escaped = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;")
    .replace(/"/g, "&quot;");

  /** Return a picture as the text of an SVG file with the colours of a mode. */
  lab.svgText = (node, mode) => {
    if (typeof node !== "object") return escaped(node);
    const attributes = Object.entries(node.attributes).map(([name, value]) => {
      const shown = isColor(name, value) ? lab.COLORS[value][lab.MODES.indexOf(mode)] : value;
      return ` ${name}="${escaped(rounded(name, shown))}"`;
    });
    const inside = node.children.map((child) => lab.svgText(child, mode)).join("");
    const begin = `<${node.tag}${attributes.join("")}`;
    if (inside === "") return `${begin}/>\n`;
    return `${begin}>${node.tag === "text" ? "" : "\n"}${inside}</${node.tag}>\n`;
  };

  /** Return a picture as an element of this page. */
  lab.svgElement = (node) => {
    if (typeof node !== "object") return document.createTextNode(node);
    const element = document.createElementNS("http://www.w3.org/2000/svg", node.tag);
    for (const [name, value] of Object.entries(node.attributes)) {
      if (isColor(name, value)) element.style.setProperty(name, `var(--lab-${value})`);
      else element.setAttribute(name, rounded(name, value));
    }
    element.append(...node.children.map(lab.svgElement));
    return element;
  };

  /** Return a whole picture of this size. */
  lab.picture = (width, height, ...children) => lab.node("svg", {
    xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}`,
    "font-family": "'DejaVu Sans', Verdana, sans-serif", "font-size": 12 }, ...children);

  /** Return a linear scale, a function from numbers to places. */
  lab.linear = ([low, high], [first, last]) =>
    (value) => first + ((value - low) / (high - low)) * (last - first);

  /** Return a logarithmic scale. */
  lab.logarithmic = ([low, high], places) => {
    const scale = lab.linear([Math.log(low), Math.log(high)], places);
    return (value) => scale(Math.log(value));
  };

  /** Return the `d` of a path through places [x, y]; a gap where one is not finite. */
  lab.through = (places) => {
    let gap = true;
    return places.map(([x, y]) => {
      if (!Number.isFinite(x) || !Number.isFinite(y)) { gap = true; return ""; }
      const command = gap ? "M" : "L";
      gap = false;
      return `${command}${Number(x.toFixed(1))} ${Number(y.toFixed(1))}`;
    }).join("");
  };

  lab.path = (places, attributes) =>
    lab.node("path", { d: lab.through(places), fill: "none", "stroke-width": 1.5, ...attributes });

  /** Return rectangles [x, y, width, height] of one colour as one path, which is short. */
  lab.boxes = (boxes, attributes) => lab.node("path", { ...attributes,
    d: boxes.map((box) => box.map((value) => Number(value.toFixed(1))))
      .map(([x, y, width, height]) => `M${x} ${y}h${width}v${height}h${-width}`).join("") });

  /** Return the items by what `key` says of them, as [key, items], in the order of first ones. */
  lab.grouped = (items, key) => {
    const groups = new Map();
    for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
    return [...groups];
  };

  lab.dot = (x, y, attributes) => lab.node("circle", { cx: x, cy: y, r: 4, ...attributes });

  /** Return a triangle that points up, at its centre. */
  lab.triangle = (x, y, attributes) => lab.node("path", {
    d: `M${(x - 5).toFixed(1)} ${(y + 4).toFixed(1)}h10l-5 -9Z`, ...attributes });

  /** Return a legend in rows that fit a width, and its height. An item is [sign, words], where
      `sign(x, y)` draws 18 wide. */
  lab.legend = (items, left, top, width) => {
    let [x, y] = [left, top];
    const parts = items.map(([sign, text]) => {
      const needed = 24 + 7.2 * text.length + 14;
      if (x > left && x + needed - 14 > left + width) [x, y] = [left, y + 20];
      const part = [sign(x, y), lab.words(x + 24, y + 4, text)];
      x += needed;
      return part;
    });
    return { node: lab.node("g", {}, parts.flat()), height: y - top + 20 };
  };

  /** Return a sign of a legend: a line. */
  lab.lineSign = (attributes) => (x, y) => lab.path([[x, y], [x + 18, y]], attributes);

  /** Return the lines and words of two axes. `x` and `y` are {scale, ticks, label}, a tick is
      [value, words]; the words of the y axis stand above it, so that they need no turned head. */
  lab.axes = (box, x, y) => {
    const { left, top, width, height } = box;
    const bottom = top + height;
    return lab.node("g", {},
      y.ticks.map(([value, text]) => [
        lab.node("path", { d: `M${left} ${y.scale(value).toFixed(1)}h${width}`, stroke: "line" }),
        lab.words(left - 6, y.scale(value) + 4, text, { "text-anchor": "end" })]),
      x.ticks.map(([value, text]) => [
        lab.node("path", { d: `M${x.scale(value).toFixed(1)} ${bottom}v4`, stroke: "faint" }),
        lab.words(x.scale(value), bottom + 17, text, { "text-anchor": "middle" })]),
      lab.node("path", { d: `M${left} ${bottom}h${width}`, stroke: "faint" }),
      x.label ? lab.words(left + width / 2, bottom + 34, x.label, { "text-anchor": "middle" }) : [],
      y.label ? lab.words(left - 6 - (y.out ?? 0), top - 9, y.label) : []);
  };
})(globalThis.lab ??= {});
