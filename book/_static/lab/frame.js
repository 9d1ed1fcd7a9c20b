"use strict";
/* Puts explorables into the page: controls, the picture, the outcome in words, a link to it.

   Without this script a page shows the still image that stands in the same figure. An explorable
   has `controls(data)`, `compute(settings, data)`, `draw(result, settings, width)` and
   `tell(result, settings)`, and may have `tap(place, settings, result, width)` for a press on the
   picture. Settings change in one place, `State.set`, and everything shown follows from them. */
((lab) => {
  const NARROWEST = 280;
  const WIDEST = 640;
  const FRAME_MS = 150;
  const MARK = "explore-";

  // -- Settings and their text in an address ---------------------------------------------------

  /** Return the value that a text stands for, or null if it is none of this control's. */
  function parse(control, text) {
    if (control.kind === "list") {
      const list = text === "" ? [] : text.split(".").map(Number);
      return list.every(Number.isInteger) && control.valid(list) ? list : null;
    }
    if (control.kind === "check") return { 0: false, 1: true }[text] ?? null;
    if (control.kind === "choice") {
      return control.options.map(([value]) => value).find((value) => String(value) === text)
        ?? null;
    }
    const value = Number(text);
    const steps = (value - control.min) / control.step;
    const possible = text.trim() !== "" && value >= control.min && value <= control.max
      && Math.abs(steps - Math.round(steps)) < 1e-9;
    return possible ? value : null;
  }

  function format(control, value) {
    if (control.kind === "list") return value.join(".");
    return control.kind === "check" ? String(Number(value)) : String(value);
  }

  const hasValue = (control) => control.kind !== "button";

  const defaults = (controls) => Object.fromEntries(
    controls.filter(hasValue).map((control) => [control.name, control.value]));

  /** Return the fragment of an address that holds the settings that differ from the defaults. */
  function fragment(name, controls, settings) {
    const query = controls.filter(hasValue)
      .map((control) => [control.name, format(control, settings[control.name]),
                         format(control, control.value)])
      .filter(([, value, usual]) => value !== usual)
      .map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
    return `#${MARK}${name}${query && `?${query}`}`;
  }

  /** Return the settings that a fragment asks of this explorable; null if it asks of another.
      What is not possible keeps its default. */
  function settingsOf(hash, name, controls) {
    const [target, query = ""] = hash.replace(/^#/, "").split("?", 2);
    if (target !== MARK + name) return null;
    const given = new URLSearchParams(query);
    const settings = defaults(controls);
    for (const control of controls.filter(hasValue)) {
      const value = given.has(control.name) ? parse(control, given.get(control.name)) : null;
      if (value !== null) settings[control.name] = value;
    }
    return settings;
  }

  // -- Parts of the page -----------------------------------------------------------------------

  /** Return an element with properties and children. */
  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  /** Return a control as {field, show(settings)}; it calls `set(changes)` when it is used. */
  const FIELDS = {
    range(control, id, set) {
      const { min, max, step } = control;
      const input = make("input", { type: "range", id, min, max, step });
      const shown = make("span", { className: "lab-value", ariaHidden: "true" });
      input.addEventListener("input", () => set({ [control.name]: Number(input.value) }));
      const label = make("label", { htmlFor: id }, control.label);
      return { field: make("div", { className: "lab-field" }, label, input, shown), input,
               show(settings) {
                 const value = settings[control.name];
                 input.value = value;
                 shown.textContent = control.say(value);
                 input.setAttribute("aria-valuetext", control.say(value));
               } };
    },
    choice(control, id, set) {
      const input = make("select", { id }, ...control.options.map(
        ([value, text]) => make("option", { value }, text)));
      input.addEventListener("change", () => set(
        { [control.name]: control.options[input.selectedIndex][0] }));
      const label = make("label", { htmlFor: id }, control.label);
      return { field: make("div", { className: "lab-field" }, label, input), input,
               show(settings) { input.value = settings[control.name]; } };
    },
    check(control, id, set) {
      const input = make("input", { type: "checkbox", id });
      input.addEventListener("change", () => set({ [control.name]: input.checked }));
      const label = make("label", { htmlFor: id }, control.label);
      return { field: make("div", { className: "lab-field lab-check" }, input, label), input,
               show(settings) { input.checked = settings[control.name]; } };
    },
    button(control, id, set, settings) {
      const input = make("button", { type: "button", id }, control.label);
      input.addEventListener("click", () => {
        if (input.getAttribute("aria-disabled") !== "true") set(control.press(settings()));
      });
      return { field: input, input, show() {} };
    },
  };

  /** Return a button that moves a range to its end, step by step. */
  function player(control, settings, set, playing) {
    const button = make("button", { type: "button" }, "Play");
    let timer = null;
    const stop = () => {
      clearInterval(timer);
      timer = null;
      button.textContent = "Play";
      playing(false);
    };
    const advance = () => {
      const value = Math.min(settings()[control.name] + control.stride, control.max);
      set({ [control.name]: value }, true);
      if (value === control.max) stop();
    };
    button.addEventListener("click", () => {
      if (timer !== null) return stop();
      if (settings()[control.name] === control.max) set({ [control.name]: control.min }, true);
      button.textContent = "Pause";
      playing(true);
      timer = setInterval(advance, FRAME_MS);
      return undefined;
    });
    return { button, stop() { if (timer !== null) stop(); } };
  }

  /** Put an explorable into its place. */
  function mount(place) {
    const name = place.dataset.explorable;
    const spec = lab.explorables[name];
    const figure = place.closest("figure");
    const controls = spec.controls(lab.data);
    let settings = defaults(controls);
    let result = null;
    let width = 0;

    const picture = make("div", { className: "lab-picture" });
    const outcome = make("p", { className: "lab-outcome", role: "status" });
    const panel = make("div", { className: "lab-controls", role: "group",
                                ariaLabel: `Controls: ${spec.title}` });
    const link = make("a", { className: "lab-link" }, "Link to this setting");
    const alt = figure.querySelector("img").alt;

    function draw() {
      width = Math.min(Math.max(place.clientWidth, NARROWEST), WIDEST);
      const svg = lab.svgElement(spec.draw(result, settings, width));
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", alt);
      picture.replaceChildren(svg);
    }

    function show() {
      result = spec.compute(settings, lab.data);
      draw();
      outcome.textContent = spec.tell(result, settings);
      for (const { control, input, show: update } of fields) {
        update(settings);
        const enabled = control.enabled?.(settings) ?? true;
        if (control.kind === "button") input.setAttribute("aria-disabled", String(!enabled));
        else input.disabled = !enabled;
      }
      link.href = fragment(name, controls, settings);
    }

    function set(changes, played = false) {
      if (!played) plays?.stop();
      settings = { ...settings, ...changes };
      show();
    }

    const fields = controls.filter(({ kind }) => kind !== "list").map((control, i) => ({
      control, ...FIELDS[control.kind](control, `lab-${name}-${i}`, set, () => settings) }));
    const moving = controls.find(({ stride }) => stride);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const plays = moving && !still ? player(moving, () => settings, set, (now) => {
      outcome.setAttribute("aria-live", now ? "off" : "polite");
    }) : null;
    const reset = make("button", { type: "button" }, "Reset");
    reset.addEventListener("click", () => set(defaults(controls)));

    const buttons = fields.filter(({ control }) => control.kind === "button");
    const others = fields.filter(({ control }) => control.kind !== "button");
    panel.append(...others.map(({ field }) => field), make("div", { className: "lab-buttons" },
      ...(plays ? [plays.button] : []), ...buttons.map(({ field }) => field), reset, link));

    if (spec.tap) {
      picture.classList.add("lab-tapped");
      picture.addEventListener("click", (event) => {
        const box = picture.firstChild.getBoundingClientRect();
        const at = { x: ((event.clientX - box.left) * width) / box.width,
                     y: event.clientY - box.top };
        const changes = spec.tap(at, settings, result, width);
        if (changes) set(changes);
      });
    }

    function follow() {
      const asked = settingsOf(location.hash, name, controls);
      if (!asked) return;
      set(asked);
      figure.scrollIntoView();
    }

    show();
    place.append(picture, outcome, panel);  // only now, so that the still image stays if that fails
    figure.classList.add("lab-live");
    follow();
    addEventListener("hashchange", follow);
    new ResizeObserver(() => {
      const now = Math.min(Math.max(place.clientWidth, NARROWEST), WIDEST);
      if (place.clientWidth > 0 && now !== width) draw();
    }).observe(place);
  }

  lab.frame = { defaults, fragment, settingsOf };
  if (globalThis.document) {
    addEventListener("DOMContentLoaded", () => {
      document.querySelectorAll("[data-explorable]").forEach(mount);
    });
  }
})(globalThis.lab ??= {});
