"use strict";

const PAUSE = 150;

/* A slider and a button for a figure with frames, in place of plotly's, which know no keys. */
function frameControls(plot) {
  if (!plot.frames?.length) return null;
  plot.frames.forEach((frame, place) => { frame.name ??= String(place + 1); });
  const names = plot.frames.map(({ name }) => name);
  const prefix = plain(plot.layout.sliders?.[0]?.currentvalue?.prefix || "");
  const words = (place) => prefix + names[place];
  delete plot.layout.sliders;
  delete plot.layout.updatemenus;
  if (sceneNames(plot.layout).length) plot.layout.margin = { ...plot.layout.margin, b: 8 };
  let playing = 0;
  const now = { mode: "immediate", frame: { duration: 0, redraw: true }, transition: { duration: 0 } };
  const apply = (place) => {
    const { data, traces } = plot.frames[place];
    data.forEach((part, index) => Object.assign(plot.data[traces ? traces[index] : index], part));
    plot.showSurfaces?.(place);
    if (!plot.drawn) return undefined;
    return plot.showSurfaces ? Plotly.redraw(plot.element) : Plotly.animate(plot.element, [names[place]], now);
  };
  const { input, output, tell } = slider({
    name: "Step", position: 0, steps: names.length - 1, words: words(0),
    change: { words, apply: (place) => { stop(); apply(place); } },
  });
  const button = make("button", { type: "button", textContent: "Play" });
  const stop = () => { clearInterval(playing); playing = 0; button.textContent = "Play"; };
  button.addEventListener("click", () => {
    if (playing) return stop();
    button.textContent = "Pause";
    playing = setInterval(() => {
      input.value = (Number(input.value) + 1) % names.length;
      tell(words(Number(input.value)));
      apply(Number(input.value));
    }, PAUSE);
    return playing;
  });
  return make("div", { className: "controls wide" }, make("div", { className: "control" }, button, input, output));
}
