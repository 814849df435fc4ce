"use strict";

const NARROW = 640;
const BUTTONS = [["toImage", "resetCameraDefault3d"]];
const CONFIG = { displaylogo: false, responsive: true, modeBarButtons: BUTTONS };
const dark = matchMedia("(prefers-color-scheme: dark)");

const sceneNames = (layout) => Object.keys(layout).filter((key) => /^scene\d*$/.test(key)).sort();
const copy = (value) => JSON.parse(JSON.stringify(value));

/* Scenes stand side by side where there is room and one above the other where there is not, none taller than wide,
   since a scene is fitted to its height and cut off at the sides. */
function arrange(plot) {
  const style = getComputedStyle(document.body);
  const [ink, soft] = [style.color, style.getPropertyValue("--soft")];
  const { layout, wide } = plot;
  const scenes = sceneNames(wide.scenes);
  const width = plot.element.clientWidth;
  const stacked = width < NARROW && scenes.length > 1;
  const share = 1 / scenes.length;
  scenes.forEach((name, index) => {
    const top = 1 - index * share;
    layout[name].domain = stacked
      ? { x: [0, 1], y: [top - share, top - 0.07 * share] }
      : copy(wide.scenes[name]);
    const heading = (layout.annotations || [])[index];
    if (heading) Object.assign(heading, stacked ? { x: 0.5, y: top } : wide.headings[index]);
  });
  if (stacked) layout.height = Math.min(0.8 * wide.height, width) * scenes.length;
  else layout.height = scenes.length ? Math.min(wide.height, width) : wide.height;
  layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: soft, activecolor: ink };
  layout.font = { ...layout.font, color: ink };
  plot.element.style.minHeight = `${layout.height}px`;
}

/* Turning one scene turns the others: through plotly's own scenes while the mouse is down, since a relayout would
   throw the turned scene back, and through the layout once it is up. */
function followCamera(plot, event, ended) {
  const key = Object.keys(event).find((name) => /^scene\d*\.camera/.test(name));
  if (!key || plot.turning) return;
  const turned = key.split(".")[0];
  const camera = event[`${turned}.camera`] || plot.element.layout[turned].camera;
  const others = sceneNames(plot.layout).filter((name) => name !== turned);
  if (!others.length) return;
  if (ended) {
    plot.turning = true;
    const update = Object.fromEntries(others.map((name) => [`${name}.camera`, copy(camera)]));
    Plotly.relayout(plot.element, update).finally(() => { plot.turning = false; });
  } else {
    for (const name of others) {
      const full = plot.element._fullLayout[name];
      full._scene?.setViewport?.({ ...full, camera });
    }
  }
}

const content = ({ data, layout, frames }) => ({ data, layout, frames, config: CONFIG });

function draw(plot) {
  arrange(plot);
  Plotly.newPlot(plot.element, content(plot)).then(() => {
    plot.drawn = true;
    plot.element.on("plotly_relayouting", (event) => followCamera(plot, event, false));
    plot.element.on("plotly_relayout", (event) => followCamera(plot, event, true));
  });
}

function redraw(plot) {
  if (!plot.drawn) return;
  arrange(plot);
  Plotly.react(plot.element, content(plot));
}

const plots = [...document.querySelectorAll(".plot")].map((element) => {
  const { data, layout, frames } = JSON.parse(element.querySelector("script").textContent);
  element.replaceChildren();
  const wide = {
    scenes: Object.fromEntries(sceneNames(layout).map((name) => [name, layout[name].domain])),
    headings: (layout.annotations || []).map(({ x, y }) => ({ x, y })),
    height: layout.height || 460,
  };
  return { element, data, layout, frames, wide: copy(wide), drawn: false, turning: false };
});

/* A browser gives a page only so many WebGL contexts: plots far out of sight hand theirs back. */
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const plot = plots.find(({ element }) => element === entry.target);
    if (entry.isIntersecting && !plot.drawn) draw(plot);
    if (!entry.isIntersecting && plot.drawn) { Plotly.purge(plot.element); plot.drawn = false; }
  }
}, { rootMargin: "600px" });

async function loadPlotly() {
  const script = document.createElement("script");
  script.textContent = await unpack(document.getElementById("plotly"));
  document.head.append(script);
}

loadPlotly().then(
  () => plots.forEach(({ element }) => watcher.observe(element)),
  (error) => plots.forEach(({ element }) => { element.textContent = `This browser cannot draw the figure (${error.message}).`; }),
);

dark.addEventListener("change", () => plots.forEach(redraw));
let narrow = innerWidth < NARROW;
addEventListener("resize", () => {
  if (innerWidth < NARROW !== narrow) { narrow = !narrow; plots.forEach(redraw); }
});
