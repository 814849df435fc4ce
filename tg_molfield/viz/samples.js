"use strict";

/* The samples of a figure: for each scene and channel of `scenes`, the values at the nodes. They are packed as half
   precision numbers, the upper bytes of a channel before the lower ones, over the largest absolute value of each, from
   its offset. */
function samplesOf(bytes, scenes) {
  let start = 0;
  return scenes.map((scene) => {
    const count = scene.shape[0] * scene.shape[1] * scene.shape[2];
    return scene.peaks.map((peak, channel) => {
      const values = new Float64Array(count);
      const offset = scene.offsets[channel];
      for (let n = 0; n < count; n++) {
        values[n] = offset + peak * halfPrecision((bytes[start + n] << 8) | bytes[start + count + n]);
      }
      start += 2 * count;
      return withNeighbours({ ...scene, values });
    });
  });
}

const POWERS = Float64Array.from({ length: 32 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25));

function halfPrecision(bits) {
  const exponent = (bits >> 10) & 31;
  const size = POWERS[exponent] * ((bits & 1023) + (exponent ? 1024 : 0));
  return bits & 32768 ? -size : size;
}

/* Along axes that repeat, samples of the neighbouring cells: one before and two after, so that surfaces close. */
function withNeighbours({ values, shape, origin, axes, periodic }) {
  const before = periodic.map(Number);
  const wide = shape.map((count, axis) => count + 3 * before[axis]);
  const bounds = shape.map((count, axis) => (periodic[axis] ? [1, count + 1] : [0, count - 1]));
  const start = origin.map((place, d) => place - before.reduce((sum, steps, axis) => sum + steps * axes[axis][d], 0));
  if (!periodic.some(Boolean)) return { values, shape, origin, axes, periodic, bounds };
  const padded = new Float64Array(wide[0] * wide[1] * wide[2]);
  let place = 0;
  for (let i = 0; i < wide[0]; i++) {
    for (let j = 0; j < wide[1]; j++) {
      for (let k = 0; k < wide[2]; k++) {
        const [a, b, c] = [i, j, k].map((at, axis) => (at - before[axis] + shape[axis]) % shape[axis]);
        padded[place++] = values[(a * shape[1] + b) * shape[2] + c];
      }
    }
  }
  return { values: padded, shape: wide, origin: start, axes, periodic, bounds };
}

function differenceOf(one, other) {
  return { ...one, values: one.values.map((value, node) => value - other.values[node]) };
}
