"use strict";

const SEEN_THROUGH = "rgba(0,0,0,0)";
const NARROWEST_SCENE = 300;
const HEADING = { line: 17, around: 8 };
const NARROW = 640;
const BAR = { beside: 90, below: 70 };
const BUTTONS = [["toImage", "resetCameraDefault3d"]];
const CONFIG = { displaylogo: false, responsive: true, modeBarButtons: BUTTONS };
const dark = matchMedia("(prefers-color-scheme: dark)");

/* Places the colour bar beside the scenes, on narrow pages below them, and returns the room that it takes. */
function placeBar({ element, layout }) {
  const bar = layout.coloraxis?.colorbar;
  if (!bar) return { beside: 0, below: 0 };
  const below = element.clientWidth < NARROW;
  Object.assign(bar, below
    ? { orientation: "h", x: 0.5, xanchor: "center", y: 0, yanchor: "top", len: 0.9 }
    : { orientation: "v", x: 1.02, xanchor: "left", y: 0.5, yanchor: "middle", len: 0.72 });
  return below ? { beside: 0, below: BAR.below } : { beside: BAR.beside, below: 0 };
}

/* Scenes stand in rows of as many as have room, none taller than wide, since a scene is fitted to its height and cut
   off at the sides. */
function arrange(plot) {
  const style = getComputedStyle(document.body);
  const [ink, soft] = [style.color, style.getPropertyValue("--soft")];
  const { layout, tall } = plot;
  const scenes = sceneNames(layout);
  const bar = placeBar(plot);
  const width = plot.element.clientWidth - bar.beside;
  const room = Math.max(1, Math.floor(width / NARROWEST_SCENE));
  const rows = Math.ceil(scenes.length / Math.min(room, scenes.length)) || 1;
  const columns = Math.ceil(scenes.length / rows) || 1;
  const headings = layout.annotations || [];
  const lines = Math.max(0, ...headings.map(({ text }) => (text ? text.split("<br>").length : 0)));
  const heading = lines && HEADING.line * lines + HEADING.around;
  const height = Math.min(tall, width / columns) + heading;
  scenes.forEach((name, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const top = 1 - row / rows;
    layout[name].domain = {
      x: [column / columns, (column + 1) / columns],
      y: [1 - (row + 1) / rows, top - heading / height / rows],
    };
    if (headings[index]) Object.assign(headings[index], { x: (column + 0.5) / columns, y: top });
  });
  layout.height = (scenes.length ? height * rows : tall) + bar.below;
  layout.modebar = { bgcolor: SEEN_THROUGH, color: soft, activecolor: ink };
  if (layout.paper_bgcolor === SEEN_THROUGH) layout.font = { ...layout.font, color: ink };
  plot.inked.forEach((line) => { line.color = soft.trim(); });
  plot.element.style.minHeight = `${layout.height}px`;
}

const content = ({ data, layout }) => ({ data, layout, config: CONFIG });

function draw(plot) {
  arrange(plot);
  Plotly.newPlot(plot.element, content(plot)).then(() => {
    plot.drawn = true;
    if (plot.frames) Plotly.addFrames(plot.element, plot.frames);
    plot.element.on("plotly_relayouting", (event) => followCamera(plot, event, false));
    plot.element.on("plotly_relayout", (event) => followCamera(plot, event, true));
  });
}

function redraw(plot) {
  if (!plot.drawn) return;
  arrange(plot);
  Plotly.react(plot.element, content(plot));
}

async function prepared(element) {
  const { data, layout, frames, live } = JSON.parse(await unpack(element.querySelector(".figure")));
  const bytes = live && (await unpackBytes(element.querySelector(".samples")));
  element.replaceChildren();
  const traces = [data, ...(frames || []).map((frame) => frame.data)].flat();
  const inked = traces.map(({ line }) => line).filter((line) => line?.color === INK);
  const plot = { element, data, layout, frames, inked, tall: layout.height || 460, drawn: false, turning: false };
  const controls = [frameControls(plot), ...(live ? levelControls(plot, live, bytes) : []), legendControls(plot)];
  element.after(...controls.filter(Boolean));
  turnByKeys(plot);
  return plot;
}

async function loadPlotly() {
  const script = document.createElement("script");
  script.textContent = await unpack(document.getElementById("plotly"));
  document.head.append(script);
}

async function start(elements) {
  await loadPlotly();
  const prepare = (element) => prepared(element).catch((error) => fail(element, error));
  const plots = (await Promise.all(elements.map(prepare))).filter(Boolean);
  /* A browser gives a page only so many WebGL contexts: plots far out of sight hand theirs back. */
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const plot = plots.find(({ element }) => element === entry.target);
      if (entry.isIntersecting && !plot.drawn) draw(plot);
      if (!entry.isIntersecting && plot.drawn) { Plotly.purge(plot.element); plot.drawn = false; }
    }
  }, { rootMargin: "600px" });
  plots.forEach(({ element }) => watcher.observe(element));
  dark.addEventListener("change", () => plots.forEach(redraw));
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) { width = innerWidth; plots.forEach(redraw); }
  });
}

function fail(element, error) {
  element.textContent = `This browser cannot draw the figure (${error.message}).`;
}

const elements = [...document.querySelectorAll(".plot")];
start(elements).catch((error) => elements.forEach((element) => fail(element, error)));
