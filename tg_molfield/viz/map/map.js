{
const EDGE = { left: 58, right: 14, top: 12, bottom: 44 };
const WIDEST = 110;
const TICK = { font: "12px system-ui, sans-serif", apart: 6, title: 18 };
const FIXED = { least: 1e-4, most: 1e6 };
const REACH = 14;
const TAP = 5;
const MOST_ZOOM = 2000;
const MISSING = "#9aa4ae";
const DIM = 0.12;
const OUTLINED = 2.5;
const DRAWING = { unit: 0.62, width: 220, height: 170 };

const element = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const written = (value) => {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value !== "number") return value;
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(7))).replaceAll("-", "−");
};
const withUnit = (column) => (column.unit ? `${column.name} (${column.unit})` : column.name);

/* From the colour of one stop to that of the next. */
function ramp(stops, share) {
  const place = clamp(share, 0, 1) * (stops.length - 1);
  const first = Math.min(Math.floor(place), stops.length - 2);
  const channel = (stop, at) => parseInt(stop.slice(at, at + 2), 16);
  const mixed = [1, 3, 5].map((at) => {
    const [low, high] = [channel(stops[first], at), channel(stops[first + 1], at)];
    return Math.round(low + (high - low) * (place - first));
  });
  return `rgb(${mixed.join(" ")})`;
}

/* Round numbers between two ends; very large and very small ones with a power of ten that they share. */
function ticks(low, high, most) {
  const raw = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= raw);
  const found = [];
  for (let place = Math.ceil(low / step); place * step <= high; place += 1) found.push(place * step);
  const largest = Math.max(0, ...found.map(Math.abs));
  const shared = largest && (largest >= FIXED.most || largest < FIXED.least) ? Math.floor(Math.log10(largest) + 1e-9) : 0;
  const digits = clamp(shared - Math.floor(Math.log10(step) + 1e-9), 0, 12);
  const text = (value) => (shared && value ? `${(value / 10 ** shared).toFixed(digits)}e${shared}` : value.toFixed(shared ? 0 : digits));
  return found.map((value) => ({ value, text: text(value).replaceAll("-", "−") }));
}

/* The colours of the points by a column; a long tail beyond the middle 98 % does not take up the scale. */
function coloring(column, colors) {
  if (!column) return { of: () => 0, palette: ["#2a78b8"], legend: null };
  if (column.kind === "category") {
    const palette = column.names.map((_, place) => colors.categories[place]);
    palette.push("#4d555c", MISSING);
    const others = column.names.length;
    return { of: (row) => column.codes[row] ?? others + 1, palette, legend: "category" };
  }
  const known = column.values.filter((value) => value !== null).sort((a, b) => a - b);
  const last = known.length - 1;
  let [low, high] = [known[0] ?? 0, known[last] ?? 0];
  const [inner, outer] = [known[Math.floor(0.01 * last)] ?? 0, known[Math.ceil(0.99 * last)] ?? 0];
  const cut = outer > inner && high - low > 2 * (outer - inner);
  const ends = { low: cut && inner > low, high: cut && outer < high };
  if (cut) [low, high] = [inner, outer];
  const steps = 64;
  const palette = Array.from({ length: steps }, (_, place) => ramp(colors.numbers, place / (steps - 1)));
  palette.push(MISSING);
  const of = (row) => {
    const value = column.values[row];
    if (value === null) return steps;
    return high > low ? Math.round(clamp((value - low) / (high - low), 0, 1) * (steps - 1)) : steps >> 1;
  };
  return { of, palette, legend: "number", low, high, ends, missing: column.values.length - known.length };
}

class MoleculeMap {
  constructor(root, data) {
    Object.assign(this, { root, data, selected: -1, hovered: -1, pointers: new Map(), hidden: new Set(), printing: false, left: EDGE.left });
    this.count = data.names.length;
    this.canvas = root.querySelector("canvas");
    this.tip = root.querySelector(".map-tip");
    this.card = root.querySelector(".map-card");
    this.legend = root.querySelector(".map-legend");
    this.found = root.querySelector(".map-found");
    this.matches = null;
    this.fillSelects();
    this.listen();
    this.project(0);
    this.colorBy(data.color);
    this.show(-1);
  }

  fillSelects() {
    const select = this.root.querySelector(".map-color");
    select.append(new Option("one colour", -1));
    this.data.columns.forEach((column, place) => {
      if (column.kind !== "text") select.append(new Option(withUnit(column), place));
    });
    select.value = this.data.color;
    select.addEventListener("change", () => this.colorBy(Number(select.value)));
    const projection = this.root.querySelector(".map-projection");
    this.data.projections.forEach(({ name }, place) => projection.append(new Option(name, place)));
    projection.addEventListener("change", () => this.project(Number(projection.value)));
    this.root.querySelector(".map-projection-label").hidden = this.data.projections.length < 2;
  }

  listen() {
    const { canvas, root } = this;
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.release(event));
    canvas.addEventListener("pointerleave", () => this.hover(-1));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-clamp(event.deltaY, -120, 120) / 300), ...this.place(event));
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => this.zoom(2, ...this.place(event)));
    canvas.addEventListener("keydown", (event) => this.key(event));
    root.querySelector(".map-in").addEventListener("click", () => this.zoom(1.5));
    root.querySelector(".map-out").addEventListener("click", () => this.zoom(1 / 1.5));
    root.querySelector(".map-all").addEventListener("click", () => this.showAll());
    const find = root.querySelector(".map-find");
    find.addEventListener("input", () => this.find(find.value));
    find.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); this.nextMatch(event.shiftKey ? -1 : 1); }
      if (event.key === "Escape") { find.value = ""; this.find(""); }
    });
    new ResizeObserver(() => this.resize()).observe(root.querySelector(".map-plot"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    addEventListener("beforeprint", () => { this.printing = true; this.resize(); this.paint(); });
    addEventListener("afterprint", () => { this.printing = false; this.resize(); });
  }

  /* The view: pixels = size / 2 + (point - centre) * scale, y upwards. */
  project(place) {
    this.projection = this.data.projections[place];
    this.root.querySelector(".map-note").textContent = this.projection.note;
    this.view = null;
    this.resize();
  }

  resize() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const { view } = this;
    const whole = !view || view.scale === view.least;
    const share = view ? view.scale / view.least : 1;
    [this.width, this.height] = [box.width, box.height];
    const ratio = this.printing ? 3 : devicePixelRatio || 1;
    this.canvas.width = Math.round(box.width * ratio);
    this.canvas.height = Math.round(box.height * ratio);
    this.ratio = ratio;
    const [x, y] = [this.range(this.projection.x), this.range(this.projection.y)];
    const inner = [this.width - this.left - EDGE.right - 24, this.height - EDGE.top - EDGE.bottom - 24];
    const spans = [x.high - x.low, y.high - y.low];
    const fits = spans.map((span, axis) => (span > 0 ? inner[axis] / span : Infinity));
    const least = Number.isFinite(Math.min(...fits)) ? Math.max(Math.min(...fits), 1e-300) : 1;
    this.middle = [(x.low + x.high) / 2, (y.low + y.high) / 2];
    this.view = { scale: least * share, least, centre: whole ? [...this.middle] : view.centre };
    this.draw();
  }

  range(values) {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
    return { low, high };
  }

  screen(row) {
    const { scale, centre } = this.view;
    const [x, y] = this.origin();
    return [x + (this.projection.x[row] - centre[0]) * scale, y - (this.projection.y[row] - centre[1]) * scale];
  }

  origin() {
    return [(this.width + this.left - EDGE.right) / 2, (this.height + EDGE.top - EDGE.bottom) / 2];
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  zoom(factor, x, y) {
    const { view } = this;
    const [middleX, middleY] = this.origin();
    const [atX, atY] = [(x ?? middleX) - middleX, (y ?? middleY) - middleY];
    const scale = clamp(view.scale * factor, view.least, view.least * MOST_ZOOM);
    view.centre[0] += atX / view.scale - atX / scale;
    view.centre[1] -= atY / view.scale - atY / scale;
    view.scale = scale;
    if (scale === view.least) view.centre = [...this.middle];
    this.hover(-1);
    this.draw();
  }

  pan(x, y) {
    this.view.centre[0] -= x / this.view.scale;
    this.view.centre[1] += y / this.view.scale;
    this.draw();
  }

  showAll() {
    this.view.scale = this.view.least;
    this.view.centre = [...this.middle];
    this.draw();
  }

  radius() {
    const area = (this.width * this.height) / Math.max(this.count, 1);
    return clamp(Math.sqrt(area) / 7, 1.8, 5.5) * clamp((this.view.scale / this.view.least) ** 0.25, 1, 2.2);
  }

  draw() {
    this.waiting ??= requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.waiting = null;
    if (!this.view || !this.coloring) return;
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(this.root);
    const light = this.printing;
    const ink = light ? "#1d2329" : style.getPropertyValue("--ink").trim();
    const soft = light ? "#5c6670" : style.getPropertyValue("--soft").trim();
    const line = light ? "#e2e6ea" : style.getPropertyValue("--line").trim();
    const back = light ? "#ffffff" : style.getPropertyValue("--page").trim();
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    this.makeRoom(context);
    const box = [this.left, EDGE.top, this.width - this.left - EDGE.right, this.height - EDGE.top - EDGE.bottom];
    context.fillStyle = back;
    context.fillRect(...box);
    this.drawAxes(context, box, { soft, line });
    context.save();
    context.beginPath();
    context.rect(...box);
    context.clip();
    this.drawPoints(context, soft);
    this.drawRing(context, this.hovered, ink, 1.5);
    this.drawRing(context, this.selected, ink, 2.5);
    context.restore();
  }

  ticksBetween([left, top, width, height]) {
    const { scale, centre } = this.view;
    const [originX, originY] = this.origin();
    const low = [centre[0] + (left - originX) / scale, centre[1] - (top + height - originY) / scale];
    const high = [centre[0] + (left + width - originX) / scale, centre[1] - (top - originY) / scale];
    return { x: ticks(low[0], high[0], width / 90), y: ticks(low[1], high[1], height / 60) };
  }

  /* Widen the left edge for the numbers beside it, which has it wide from then on. */
  makeRoom(context) {
    context.font = TICK.font;
    const { y } = this.ticksBetween([this.left, EDGE.top, 1, this.height - EDGE.top - EDGE.bottom]);
    const widest = Math.max(0, ...y.map(({ text }) => context.measureText(text).width)) + TICK.apart + TICK.title;
    if (widest <= this.left || this.left === WIDEST) return;
    this.left = Math.min(Math.ceil(widest), WIDEST);
    this.resize();
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
  }

  drawAxes(context, [left, top, width, height], { soft, line }) {
    const { scale, centre } = this.view;
    const [originX, originY] = this.origin();
    this.ticks = this.ticksBetween([left, top, width, height]);
    context.strokeStyle = line;
    context.fillStyle = soft;
    context.lineWidth = 1;
    context.font = TICK.font;
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const { value, text } of this.ticks.x) {
      const x = Math.round(originX + (value - centre[0]) * scale) + 0.5;
      this.segment(context, x, top, x, top + height);
      context.fillText(text, x, top + height + 5);
    }
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const { value, text } of this.ticks.y) {
      const y = Math.round(originY - (value - centre[1]) * scale) + 0.5;
      this.segment(context, left, y, left + width, y);
      context.fillText(text, left - TICK.apart, y, left - TICK.apart - TICK.title);
    }
    const [first, second] = this.projection.axes;
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.fillText(first, left + width / 2, this.height - 4, width);
    context.save();
    context.translate(3, top + height / 2);
    context.rotate(-Math.PI / 2);
    context.textBaseline = "top";
    context.fillText(second, 0, 0, height);
    context.restore();
  }

  segment(context, x1, y1, x2, y2) {
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
  }

  isShown(row) {
    return !this.hidden.has(this.coloring.of(row));
  }

  /* Those without a value lie below the others, those that were not looked for below those that were. */
  drawPoints(context, soft) {
    const radius = this.radius();
    const { palette, of } = this.coloring;
    const missing = palette.length > 1 ? palette.length - 1 : -1;
    const layers = [[], [], [], []];
    for (let row = 0; row < this.count; row += 1) {
      const layer = (of(row) === missing ? 0 : 1) + (this.matches?.has(row) ? 2 : 0);
      if (this.isShown(row)) layers[layer].push(row);
    }
    context.lineWidth = 0.6;
    context.strokeStyle = soft;
    layers.forEach((rows, layer) => {
      context.globalAlpha = this.matches && layer < 2 ? DIM : 0.92;
      for (const row of rows) {
        const [x, y] = this.screen(row);
        if (x < -radius || y < -radius || x > this.width + radius || y > this.height + radius) continue;
        context.fillStyle = palette[of(row)];
        context.beginPath();
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.fill();
        if (radius >= OUTLINED) context.stroke();
      }
    });
    context.globalAlpha = 1;
  }

  drawRing(context, row, ink, width) {
    if (row < 0) return;
    const [x, y] = this.screen(row);
    context.lineWidth = width;
    context.strokeStyle = ink;
    context.fillStyle = this.coloring.palette[this.coloring.of(row)];
    context.beginPath();
    context.arc(x, y, this.radius() + 2, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }

  nearest(x, y) {
    let [best, least] = [-1, (REACH + this.radius()) ** 2];
    for (let row = 0; row < this.count; row += 1) {
      const [atX, atY] = this.screen(row);
      const apart = (atX - x) ** 2 + (atY - y) ** 2;
      if (apart < least && this.isShown(row)) [best, least] = [row, apart];
    }
    return best;
  }

  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.place(event));
    if (this.pointers.size === 1) this.start = this.place(event);
    else this.start = null;
  }

  move(event) {
    const [x, y] = this.place(event);
    if (!this.pointers.has(event.pointerId)) {
      if (event.pointerType !== "touch") this.hover(this.nearest(x, y), x, y);
      return;
    }
    const before = [...this.pointers.values()];
    const old = this.pointers.get(event.pointerId);
    if (this.start && Math.hypot(x - this.start[0], y - this.start[1]) <= TAP) return;
    this.start = null;
    this.hover(-1);
    this.canvas.classList.add("moving");
    this.pointers.set(event.pointerId, [x, y]);
    if (before.length === 1) this.pan(x - old[0], y - old[1]);
    else this.pinch(before, [...this.pointers.values()]);
  }

  pinch(before, after) {
    const middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const span = ([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
    const [from, to] = [middle(before), middle(after)];
    this.pan(to[0] - from[0], to[1] - from[1]);
    this.zoom(span(after) / span(before), ...to);
  }

  release(event) {
    if (event.type === "pointerup" && this.start) this.show(this.nearest(...this.place(event)));
    this.pointers.delete(event.pointerId);
    this.start = null;
    this.canvas.classList.remove("moving");
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    const actions = { "+": () => this.zoom(1.5), "=": () => this.zoom(1.5), "-": () => this.zoom(1 / 1.5) };
    actions["0"] = () => this.showAll();
    actions.Escape = () => this.show(-1);
    if (event.ctrlKey || event.metaKey || event.altKey || (!step && !actions[event.key])) return;
    event.preventDefault();
    if (!step) actions[event.key]();
    else if (event.shiftKey) this.pan(-60 * step[0], -60 * step[1]);
    else this.show(this.towards(step), true);
  }

  /* The molecule next to the selected one in a direction, within 45° of it. */
  towards([right, down]) {
    const from = this.selected >= 0 ? this.screen(this.selected) : this.origin();
    let [best, least] = [this.selected, Infinity];
    for (let row = 0; row < this.count; row += 1) {
      if (row === this.selected || !this.isShown(row)) continue;
      const [x, y] = this.screen(row);
      const along = (x - from[0]) * right + (y - from[1]) * down;
      const across = Math.abs((x - from[0]) * down) + Math.abs((y - from[1]) * right);
      const apart = Math.hypot(along, 2 * across);
      const ahead = this.selected < 0 || (along > 0 && across <= along);
      if (ahead && apart < least) [best, least] = [row, apart];
    }
    return best;
  }

  hover(row, x, y) {
    if (row !== this.hovered) {
      this.hovered = row;
      this.draw();
      this.tip.replaceChildren();
      if (row >= 0) this.tip.append(...this.summary(row, 200));
    }
    this.tip.hidden = row < 0;
    if (row < 0) return;
    const left = x + 16 + this.tip.offsetWidth > this.width ? x - 16 - this.tip.offsetWidth : x + 16;
    const top = clamp(y + 16, 0, Math.max(this.height - this.tip.offsetHeight, 0));
    this.tip.style.left = `${Math.max(left, 0)}px`;
    this.tip.style.top = `${top}px`;
  }

  summary(row, width) {
    const parts = [this.drawing(row, width), element("strong", "", this.data.names[row])];
    if (this.column) parts.push(element("div", "", `${withUnit(this.column)}: ${written(this.column.values[row])}`));
    return parts.filter(Boolean);
  }

  drawing(row, width = DRAWING.width) {
    const svg = this.data.svgs[row];
    if (!svg) return null;
    const box = element("div", "map-drawing");
    box.innerHTML = svg;
    const [, , across, down] = box.firstChild.getAttribute("viewBox").split(" ").map(Number);
    const scale = Math.min(DRAWING.unit, width / across, DRAWING.height / down);
    box.firstChild.setAttribute("width", Math.round(across * scale));
    box.firstChild.setAttribute("height", Math.round(down * scale));
    box.firstChild.setAttribute("role", "img");
    box.firstChild.setAttribute("aria-label", `drawing of ${this.data.names[row]}`);
    return box;
  }

  /* Select a molecule; -1 for none. */
  show(row, follow = false) {
    this.selected = row;
    this.card.replaceChildren();
    if (row < 0) {
      this.card.append(element("p", "hint", `${this.count} molecules. Click one, or find it by its name.`));
    } else {
      this.card.append(element("h3", "", this.data.names[row]));
      const drawing = this.drawing(row, 240);
      if (drawing) this.card.append(drawing);
      const list = element("dl");
      const ordered = [this.column, ...this.data.columns.filter((column) => column !== this.column)].filter(Boolean);
      for (const column of ordered) {
        list.append(element("dt", "", withUnit(column)), element("dd", "", written(column.values[row])));
      }
      this.card.append(list);
      if (follow) this.bringIn(row);
    }
    this.draw();
  }

  bringIn(row) {
    const [x, y] = this.screen(row);
    const inside = x > this.left && x < this.width - EDGE.right && y > EDGE.top && y < this.height - EDGE.bottom;
    if (!inside) this.view.centre = [this.projection.x[row], this.projection.y[row]];
  }

  find(text) {
    const wanted = text.trim().toLowerCase();
    this.matches = null;
    this.found.textContent = "";
    if (wanted) {
      const rows = this.data.names.flatMap((name, row) => (name.toLowerCase().includes(wanted) ? [row] : []));
      this.matches = new Set(rows);
      this.at = -1;
      this.found.textContent = rows.length ? `${rows.length} found, Enter goes to the next` : "none";
    }
    this.draw();
  }

  nextMatch(way) {
    if (!this.matches?.size) return;
    const rows = [...this.matches];
    this.at = this.at < 0 && way < 0 ? rows.length - 1 : (this.at + way + rows.length) % rows.length;
    this.found.textContent = `${this.at + 1} of ${rows.length}`;
    this.show(rows[this.at], true);
  }

  colorBy(place) {
    this.column = place < 0 ? null : this.data.columns[place];
    this.coloring = coloring(this.column, this.data.colors);
    this.hidden.clear();
    this.drawLegend();
    this.show(this.selected);
  }

  drawLegend() {
    const { column, coloring: { legend } } = this;
    this.legend.replaceChildren();
    if (!legend) return;
    this.legend.append(element("span", "map-title", withUnit(column)));
    if (legend === "number") this.drawScale();
    else this.drawCategories();
  }

  drawScale() {
    const { low, high, ends, missing } = this.coloring;
    const scale = element("div", "map-scale");
    const bar = element("div", "map-bar");
    bar.style.background = `linear-gradient(to right, ${this.data.colors.numbers.join(", ")})`;
    const marks = element("div", "map-ticks");
    const texts = high > low ? [low, (low + high) / 2, high].map((value) => written(Number(value.toPrecision(4)))) : [written(low)];
    if (high > low && ends.low) texts[0] = `≤ ${texts[0]}`;
    if (high > low && ends.high) texts[2] = `≥ ${texts[2]}`;
    marks.append(...texts.map((text) => element("span", "", text)));
    if (missing < this.count) scale.append(bar, marks);
    this.legend.append(scale);
    if (missing) this.legend.append(this.swatch(MISSING, `no value (${missing})`, "span"));
  }

  drawCategories() {
    const { column, coloring: { palette, of } } = this;
    const counts = new Array(palette.length).fill(0);
    for (let row = 0; row < this.count; row += 1) counts[of(row)] += 1;
    const names = [...column.names, "other", "no value"];
    names.forEach((name, place) => {
      if (!counts[place]) return;
      const entry = this.swatch(palette[place], `${name} (${counts[place]})`, "button");
      entry.setAttribute("aria-pressed", "true");
      entry.addEventListener("click", () => {
        if (!this.hidden.delete(place)) this.hidden.add(place);
        entry.setAttribute("aria-pressed", String(!this.hidden.has(place)));
        this.draw();
      });
      this.legend.append(entry);
    });
  }

  swatch(color, text, tag) {
    const entry = element(tag, tag === "button" ? "map-entry" : "map-key");
    if (tag === "button") entry.type = "button";
    const dot = element("span", "map-swatch");
    dot.style.background = color;
    entry.append(dot, text);
    return entry;
  }
}

for (const root of document.querySelectorAll(".map")) {
  unpack(root.querySelector('script[type="application/gzip"]')).then(
    (text) => { root.molecules = new MoleculeMap(root, JSON.parse(text)); },
    (error) => { root.querySelector(".map-card").textContent = `This browser cannot draw the map (${error.message}).`; },
  );
}
}
