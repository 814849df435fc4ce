"use strict";

/* Libraries and data travel compressed, at less than half their size. */
async function unpackBytes(element) {
  const bytes = Uint8Array.from(atob(element.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpack(element) {
  return new TextDecoder().decode(await unpackBytes(element));
}
