"use strict";

const STEPS = 400;
const DIFFERENCE = { least: 0.01, most: 1 };
const NO_SURFACE = { x: [], y: [], z: [], i: [], j: [], k: [] };

/* Surfaces of samples at levels that the reader chooses. `live` says which trace shows which scene, channel and side;
   the levels are those of the channels, and in scenes of differences a share of these. In a figure with frames, the
   samples of each frame are shown one after another in its only scene. */
function levelControls(plot, live, bytes) {
  const samples = samplesOf(bytes, live.scenes);
  for (const [one, other] of live.differences) {
    samples.push(samples[one].map((channel, index) => differenceOf(channel, samples[other][index])));
  }
  const state = { plot, live, samples, levels: live.channels.map(({ level }) => level), share: live.share, frame: 0, note: make("p", { className: "note", role: "status" }) };
  if (plot.frames) {
    state.note.style.minHeight = "1.6em";
    state.note.style.display = "block";
    plot.showSurfaces = (place) => {
      state.frame = place;
      makeSurfaces(state, new Set(live.channels.keys()));
    };
  }
  update(state, live.channels.keys());
  const rows = live.channels.map((channel, index) => channelControl(state, channel, index));
  if (live.differences.length) rows.push(shareControl(state));
  return [make("div", { className: "controls wide", role: "group", ariaLabel: "Levels of the surfaces" }, ...rows), state.note];
}

function channelControl(state, channel, index) {
  const place = placesBetween(channel.least, channel.most, channel.logarithmic);
  const words = (level) => `${channel.both ? "±" : ""}${written(level, channel.digits)} ${channel.unit}`.trim();
  const { input, output } = slider({
    name: `Level of ${channel.name}`, position: place.of(channel.level), steps: STEPS, words: words(channel.level),
    change: {
      words: (position) => words(place.at(position)),
      apply: (position) => {
        state.levels[index] = place.at(position);
        if (channel.signed && !channel.both) swatches[0].style.background = sideOf(state.live, state.levels[index]);
        update(state, [index]);
      },
    },
  });
  const box = make("input", { type: "checkbox", checked: channel.shown });
  box.addEventListener("change", () => {
    channel.shown = box.checked;
    input.disabled = !box.checked;
    update(state, [index]);
  });
  input.disabled = !channel.shown;
  const swatches = channel.colors.map((color) => {
    const swatch = make("span", { className: "swatch", ariaHidden: "true" });
    swatch.style.background = color;
    return swatch;
  });
  return make("div", { className: "control level" }, make("label", {}, box, ...swatches, channel.name), range(input, output));
}

function shareControl(state) {
  const place = placesBetween(DIFFERENCE.least, DIFFERENCE.most, true);
  const words = (share) => `±${written(100 * share)} % of each level`;
  const { input, output } = slider({
    name: "Level of the difference, in per cent of the levels above", position: place.of(state.share), steps: STEPS,
    words: words(state.share),
    change: {
      words: (position) => words(place.at(position)),
      apply: (position) => { state.share = place.at(position); update(state, state.live.channels.keys()); },
    },
  });
  return make("div", { className: "control level" }, make("span", {}, "difference"), range(input, output));
}

/* The colour of signed values at a level. */
const sideOf = ({ sides }, level) => sides[level < 0 ? 1 : 0];

/* A slider and its value, which stay on one line. */
function range(input, output) {
  return make("div", { className: "range" }, input, output);
}

function placesBetween(least, most, logarithmic) {
  return logarithmic
    ? { at: (step) => least * (most / least) ** (step / STEPS), of: (level) => (STEPS * Math.log(level / least)) / Math.log(most / least) }
    : { at: (step) => least + ((most - least) * step) / STEPS, of: (level) => (STEPS * (level - least)) / (most - least) };
}

/* Draw the surfaces of some channels anew. */
function update(state, changed) {
  const { plot } = state;
  const indices = makeSurfaces(state, new Set(changed));
  if (plot.drawn) {
    const parts = [...Object.keys(NO_SURFACE), "color"].map((key) => [key, indices.map((index) => plot.data[index][key])]);
    Plotly.restyle(plot.element, Object.fromEntries(parts), indices);
  }
}

/* Make the surfaces of some channels anew, say which are cut off or absent, and return their traces. */
function makeSurfaces(state, channels) {
  const { plot, live, samples, frame } = state;
  const indices = [];
  for (const { trace, scene, channel, side } of live.traces) {
    if (!channels.has(channel)) continue;
    const { shown, below, signed } = live.channels[channel];
    const level = side * state.levels[channel] * (scene < live.scenes.length ? 1 : state.share);
    const mesh = shown ? surfaceNet(samples[scene + frame][channel], level, below || level < 0) : NO_SURFACE;
    Object.assign(plot.data[trace], mesh);
    if (signed || scene >= live.scenes.length) plot.data[trace].color = sideOf(live, level);
    indices.push(trace);
  }
  const told = notes(state).join(" ");
  if (state.note.textContent !== told) state.note.textContent = told;
  return indices;
}

function notes({ plot, live, samples, levels, share, frame }) {
  return live.names.flatMap((name, scene) => {
    const cut = new Set();
    const absent = [];
    const isDifference = scene >= live.scenes.length;
    live.channels.forEach(({ shown, below, name: channel }, index) => {
      if (!shown) return;
      const mine = live.traces.filter((one) => one.scene === scene && one.channel === index);
      if (mine.every(({ trace }) => !plot.data[trace].x.length)) absent.push(channel);
      for (const { side } of mine) {
        const level = side * levels[index] * (isDifference ? share : 1);
        if (isCutOff(samples[scene + frame][index], level, below || level < 0)) cut.add(channel);
      }
    });
    const where = name ? `${name}: ` : "";
    const missing = isDifference ? "nowhere as large as this" : "no surface at this level";
    return [
      ...(absent.length ? [`${where}${missing}: ${absent.join(", ")}.`] : []),
      ...(cut.size ? [`${where}cut off at the border of the grid: ${[...cut].join(", ")}.`] : []),
    ];
  });
}
