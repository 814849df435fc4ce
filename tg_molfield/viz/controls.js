"use strict";

/* Elements of HTML control a figure, so that keys and screen readers reach everything. */
function make(tag, attributes, ...children) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children);
  return element;
}

const written = (number, digits = 3) => String(Number(number.toPrecision(digits))).replaceAll("-", "−");

/* Lines of this colour are softer on pages, so that they are seen in the dark and on paper. */
const INK = "#24292f";

/* The colour of a trace, or the colours of its scale, as CSS. */
function backgroundOf({ color, line, coloraxis }, layout) {
  if (color) return color;
  if (typeof line?.color === "string") return line.color === INK ? "var(--soft)" : line.color;
  if (!coloraxis) return "";
  return `linear-gradient(90deg, ${layout[coloraxis].colorscale.map(([share, one]) => `${one} ${100 * share}%`).join(", ")})`;
}

/* A checkbox for each entry of the legend, which plotly's own would show to a mouse alone. */
function legendControls(plot) {
  const entries = new Map();
  plot.data.forEach((trace, index) => {
    const key = trace.legendgroup || trace.name;
    if (!key) return;
    if (!entries.has(key)) entries.set(key, { name: trace.name, traces: [], listed: false, color: "" });
    const entry = entries.get(key);
    entry.traces.push(index);
    if (trace.showlegend !== false) {
      Object.assign(entry, { name: trace.name, listed: true, color: backgroundOf(trace, plot.layout), shown: trace.visible !== "legendonly" });
    }
  });
  const listed = [...entries.values()].filter((entry) => entry.listed);
  plot.layout.showlegend = false;
  if (!listed.length) return null;
  return make("div", { className: "controls", role: "group", ariaLabel: "What is shown" }, ...listed.map((entry) => legendEntry(plot, entry)));
}

function legendEntry(plot, { name, traces, color, shown }) {
  const box = make("input", { type: "checkbox", checked: shown });
  const swatch = make("span", { className: "swatch", ariaHidden: "true" });
  swatch.style.background = color;
  box.addEventListener("change", () => show(plot, traces, box.checked));
  return make("div", { className: "control" }, make("label", {}, box, ...(color ? [swatch] : []), plain(name)));
}

function show(plot, traces, shown) {
  const visible = shown || "legendonly";
  traces.forEach((index) => { plot.data[index].visible = visible; });
  if (plot.drawn) Plotly.restyle(plot.element, { visible }, traces);
}

/* The text of a name that plotly would take for HTML. */
function plain(html) {
  return new DOMParser().parseFromString(html, "text/html").body.textContent;
}

/* A slider with its name and value, which `change` is told of, at most once a frame. */
function slider({ name, position, steps, words, change }) {
  const input = make("input", { type: "range", min: 0, max: steps, step: 1, value: position, ariaLabel: name });
  const output = make("output", {});
  let queued = 0;
  const tell = (text) => { output.textContent = text; input.ariaValueText = text; };
  tell(words);
  input.addEventListener("input", () => {
    tell(change.words(Number(input.value)));
    queued ||= requestAnimationFrame(() => { queued = 0; change.apply(Number(input.value)); });
  });
  return { input, output, tell };
}
