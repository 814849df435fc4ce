"use strict";

const sceneNames = (layout) => Object.keys(layout).filter((key) => /^scene\d*$/.test(key)).sort();
const copy = (value) => JSON.parse(JSON.stringify(value));
const TURN = Math.PI / 18;
const CLOSER = 0.9;

/* Turning one scene turns the others: through plotly's own scenes while the mouse is down, since a relayout would
   throw the turned scene back, and through the layout once it is up. */
function followCamera(plot, event, ended) {
  const key = Object.keys(event).find((name) => /^scene\d*\.camera/.test(name));
  if (!key || plot.turning) return;
  const turned = key.split(".")[0];
  const camera = event[`${turned}.camera`] || plot.element.layout[turned].camera;
  const others = sceneNames(plot.layout).filter((name) => name !== turned);
  if (!others.length) return;
  if (ended) setCamera(plot, camera, others);
  else {
    for (const name of others) {
      const full = plot.element._fullLayout[name];
      full._scene?.setViewport?.({ ...full, camera });
    }
  }
}

function setCamera(plot, camera, names) {
  plot.turning = true;
  const update = Object.fromEntries(names.map((name) => [`${name}.camera`, copy(camera)]));
  return Plotly.relayout(plot.element, update).finally(() => { plot.turning = false; });
}

/* The arrow keys turn all scenes, + and − move closer and away, Home goes back. */
function turnByKeys(plot) {
  const names = sceneNames(plot.layout);
  if (!names.length) return;
  const first = copy(plot.layout[names[0]].camera);
  plot.element.addEventListener("keydown", (event) => {
    if (event.target !== plot.element || !plot.drawn || event.ctrlKey || event.metaKey || event.altKey) return;
    const camera = turned(copy(plot.element.layout[names[0]].camera), event.key, first);
    if (!camera) return;
    event.preventDefault();
    setCamera(plot, camera, names);
  });
}

function turned(camera, key, first) {
  const eye = vector(camera.eye);
  const up = vector(camera.up || { x: 0, y: 0, z: 1 });
  const right = cross(up, eye);
  const around = { ArrowLeft: [up, -TURN], ArrowRight: [up, TURN], ArrowUp: [right, -TURN], ArrowDown: [right, TURN] }[key];
  if (key === "Home") return copy(first);
  if (key === "+" || key === "=") return { ...camera, eye: named(eye.map((part) => part * CLOSER)) };
  if (key === "-") return { ...camera, eye: named(eye.map((part) => part / CLOSER)) };
  if (!around) return null;
  return { ...camera, eye: named(rotated(eye, ...around)), up: named(rotated(up, ...around)) };
}

const vector = ({ x, y, z }) => [x, y, z];
const named = ([x, y, z]) => ({ x, y, z });
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

function rotated(point, axis, angle) {
  const length = Math.hypot(...axis);
  const k = axis.map((part) => part / length);
  const along = k.reduce((sum, part, index) => sum + part * point[index], 0);
  const aside = cross(k, point);
  return point.map((part, index) =>
    part * Math.cos(angle) + aside[index] * Math.sin(angle) + k[index] * along * (1 - Math.cos(angle)));
}
