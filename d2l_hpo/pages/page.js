"use strict";
const root = document.documentElement;
root.classList.add("scripted");

// The mode: as the system has it, until the button says otherwise.
const mode = document.getElementById("mode");
const system = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.mode || (system.matches ? "dark" : "light")) === "dark";
const showMode = () => mode.setAttribute("aria-pressed", String(isDark()));
mode.addEventListener("click", () => { root.dataset.mode = isDark() ? "light" : "dark"; showMode(); });
system.addEventListener("change", showMode);
showMode();

// The table: a heading sorts it, first upward, then downward. What has no value stays last.
const table = document.querySelector("table.sortable");
const trials = table ? [...table.tBodies[0].rows] : [];
for (const row of trials) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...row.cells[0].childNodes);
  row.cells[0].append(button);
}
const value = (row, column) => {
  const text = row.cells[column].textContent.trim();
  const given = text === "∞" ? Infinity : text === "−∞" ? -Infinity : Number(text);
  return text === "–" || text === "" ? null : Number.isNaN(given) ? text : given;
};
const compare = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0)
  : typeof a === "number" ? -1 : 1;
const order = (column, sign) => [...trials.keys()].sort((i, j) => {
  const a = value(trials[i], column), b = value(trials[j], column);
  if (a === null || b === null) return (a === null) - (b === null) || i - j;
  return sign * compare(a, b) || i - j;
});
if (table) for (const head of table.tHead.rows[0].cells) {
  head.firstChild.addEventListener("click", () => {
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    table.tBodies[0].append(...order(head.cellIndex, sign).map((i) => trials[i]));
  });
}

// One trial in all pictures: the pieces of a path are those of its list of trials.
const paths = [...document.querySelectorAll("path[data-rows]")].map((path) => ({
  path, rows: rows.lists[path.dataset.rows], pieces: path.getAttribute("d").split("M").slice(1),
}));
const slider = document.getElementById("rank");
const output = document.querySelector(".marker output");
// From the best to the worst: trials that do not keep the limits after those that do, failures last.
const late = new Set(rows.lists.exceeding);
const place = (i) => value(trials[i], 1) === null ? 2 : late.has(i) ? 1 : 0;
const ranked = trials.length ? order(1, 1).sort((i, j) => place(i) - place(j)) : [];
const over = (like, d, name) => {
  const mark = like.cloneNode();
  mark.removeAttribute("data-rows");
  mark.setAttribute("d", d);
  mark.setAttribute("class", name);
  mark.dataset.mark = "";
  like.parentNode.append(mark);
};
const words = (row) => {
  const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent);
  const parts = heads.map((head, i) => `${head} ${row.cells[i].textContent}`);
  parts[0] = `Trial ${row.cells[0].textContent}`;
  return parts.filter((_, i) => row.cells[i].textContent !== "–").join(", ");
};
const mark = (index) => {
  for (const old of document.querySelectorAll("[data-mark]")) old.remove();
  for (const row of trials) row.classList.toggle("marked", row === trials[index]);
  const text = index === null ? "No trial is marked." : words(trials[index]);
  output.textContent = text;
  slider.value = index === null ? 0 : ranked.indexOf(index) + 1;
  slider.setAttribute("aria-valuetext", text);
  if (index === null) return;
  for (const { path, rows: list, pieces } of paths) {
    const d = pieces.filter((_, i) => list[i] === index && !pieces[i].startsWith("-99"))
      .map((piece) => "M" + piece).join("");
    if (!d) continue;
    if (path.classList.contains("dots")) { over(path, d, "ring"); over(path, d, "core"); }
    over(path, d, path.classList.contains("dots") ? path.getAttribute("class")
      : path.classList.contains("bars") ? "bars over" : "over");
  }
};
if (slider) {
  slider.addEventListener("input", () => mark(Number(slider.value) ? ranked[slider.value - 1] : null));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") mark(null); });
  trials.forEach((row, index) => row.cells[0].firstChild.addEventListener("click", () => mark(index)));
}

// A click on a picture marks the trial of the nearest dot.
for (const svg of document.querySelectorAll("main svg")) {
  const own = paths.filter(({ path }) => path.ownerSVGElement === svg && path.classList.contains("dots"));
  if (!own.length) continue;
  svg.classList.add("dotted");
  svg.addEventListener("click", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    let best = null, least = 20 ** 2;
    for (const { rows: list, pieces } of own) pieces.forEach((piece, i) => {
      const [x, y] = piece.match(/-?[\d.]+/g).map(Number);
      const distance = (x - at.x) ** 2 + (y - at.y) ** 2;
      if (distance < least) { least = distance; best = list[i]; }
    });
    mark(best);
  });
}
