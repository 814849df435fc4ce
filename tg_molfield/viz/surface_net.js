"use strict";

/* The twelve edges of a cell, as pairs of its corners: bit 2 of a corner is x, bit 1 is y, bit 0 is z. */
const CELL_EDGES = [];
for (let corner = 0; corner < 8; corner++) {
  for (const bit of [1, 2, 4]) if (!(corner & bit)) CELL_EDGES.push([corner, corner | bit]);
}

/* The surface on which samples reach a level, with one vertex in each cell that it crosses (a surface net). Samples are
   { values, shape, origin, axes, bounds }: values [nx, ny, nz], and vertices outside the bounds, in steps, are moved
   onto them. Inside is above the level, or below it. Faces are counter-clockwise seen from outside. */
function surfaceNet({ values, shape, origin, axes, bounds }, level, below) {
  const strides = [shape[1] * shape[2], shape[2], 1];
  const corners = Array.from({ length: 8 }, (_, c) => (c >> 2) * strides[0] + ((c >> 1) & 1) * strides[1] + (c & 1));
  const isInside = below ? (value) => value < level : (value) => value > level;
  const vertexOf = new Int32Array(values.length).fill(-1);
  const vertices = [];
  const cell = new Float64Array(8);
  for (let i = 0; i < shape[0] - 1; i++) {
    for (let j = 0; j < shape[1] - 1; j++) {
      const row = i * strides[0] + j * strides[1];
      for (let k = 0; k < shape[2] - 1; k++) {
        let mask = 0;
        for (let c = 0; c < 8; c++) if (isInside(values[row + k + corners[c]])) mask |= 1 << c;
        if (mask === 0 || mask === 255) continue;
        for (let c = 0; c < 8; c++) cell[c] = values[row + k + corners[c]];
        const [x, y, z] = pointInCell(cell, mask, level);
        vertexOf[row + k] = vertices.length / 3;
        vertices.push(i + x, j + y, k + z);
      }
    }
  }
  return { ...placed(vertices, origin, axes, bounds), ...facesAround(values, shape, strides, vertexOf, isInside, axes) };
}

/* The mean of the crossings on the edges of a cell, moved along the gradient to where the interpolation has the level. */
function pointInCell(cell, mask, level) {
  const point = [0, 0, 0];
  let count = 0;
  for (const [a, b] of CELL_EDGES) {
    if (((mask >> a) & 1) === ((mask >> b) & 1)) continue;
    const share = (level - cell[a]) / (cell[b] - cell[a]);
    for (let axis = 0; axis < 3; axis++) {
      const bit = 4 >> axis;
      point[axis] += a & bit ? 1 : b & bit ? share : 0;
    }
    count++;
  }
  for (let axis = 0; axis < 3; axis++) point[axis] /= count;
  for (let pass = 0; pass < 2; pass++) {
    let value = -level;
    const slope = [0, 0, 0];
    for (let c = 0; c < 8; c++) {
      const [x, y, z] = [0, 1, 2].map((axis) => (c & (4 >> axis) ? point[axis] : 1 - point[axis]));
      value += cell[c] * x * y * z;
      slope[0] += (c & 4 ? 1 : -1) * cell[c] * y * z;
      slope[1] += (c & 2 ? 1 : -1) * cell[c] * x * z;
      slope[2] += (c & 1 ? 1 : -1) * cell[c] * x * y;
    }
    const steepness = slope[0] ** 2 + slope[1] ** 2 + slope[2] ** 2;
    if (!steepness) break;
    for (let axis = 0; axis < 3; axis++) {
      point[axis] = Math.min(1, Math.max(0, point[axis] - (value * slope[axis]) / steepness));
    }
  }
  return point;
}

function placed(vertices, origin, axes, bounds) {
  const count = vertices.length / 3;
  const [x, y, z] = [new Float32Array(count), new Float32Array(count), new Float32Array(count)];
  for (let v = 0; v < count; v++) {
    const steps = [0, 1, 2].map((axis) => Math.min(bounds[axis][1], Math.max(bounds[axis][0], vertices[3 * v + axis])));
    [x, y, z].forEach((into, d) => {
      into[v] = origin[d] + steps[0] * axes[0][d] + steps[1] * axes[1][d] + steps[2] * axes[2][d];
    });
  }
  return { x, y, z };
}

/* Two triangles across each edge between nodes that the surface crosses, from the vertices of the four cells around. */
function facesAround(values, shape, strides, vertexOf, isInside, axes) {
  const [a, b, c] = axes;
  const volume = a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
  const [first, second, third] = [[], [], []];
  for (let along = 0; along < 3; along++) {
    const [u, v] = [(along + 1) % 3, (along + 2) % 3];
    const from = [0, 0, 0];
    from[u] = from[v] = 1;
    const to = shape.map((count) => count - 1);
    for (let i = from[0]; i < to[0]; i++) {
      for (let j = from[1]; j < to[1]; j++) {
        for (let k = from[2]; k < to[2]; k++) {
          const node = i * strides[0] + j * strides[1] + k;
          const inside = isInside(values[node]);
          if (inside === isInside(values[node + strides[along]])) continue;
          const around = [node - strides[u] - strides[v], node - strides[v], node, node - strides[u]];
          const [p, q, r, s] = around.map((place) => vertexOf[place]);
          if (inside === volume > 0) { first.push(p, p); second.push(q, r); third.push(r, s); }
          else { first.push(p, p); second.push(r, s); third.push(q, r); }
        }
      }
    }
  }
  return { i: Uint32Array.from(first), j: Uint32Array.from(second), k: Uint32Array.from(third) };
}

/* Whether a surface ends at the border of the grid, along the axes that do not repeat. */
function isCutOff({ values, shape, periodic }, level, below) {
  const isInside = below ? (value) => value < level : (value) => value > level;
  const strides = [shape[1] * shape[2], shape[2], 1];
  return [0, 1, 2].filter((axis) => !periodic[axis]).some((axis) => {
    const [u, v] = [(axis + 1) % 3, (axis + 2) % 3];
    for (const end of [0, shape[axis] - 1]) {
      for (let m = 0; m < shape[u]; m++) {
        for (let n = 0; n < shape[v]; n++) {
          if (isInside(values[end * strides[axis] + m * strides[u] + n * strides[v]])) return true;
        }
      }
    }
    return false;
  });
}
