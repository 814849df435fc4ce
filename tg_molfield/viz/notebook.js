/* A page in a frame of a notebook, as tall as what it shows. Its library is in the output that showed a page first. */
(async (place) => {
  const LIBRARY = "<tg-molfield-library>";
  const unpack = (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  const [page, library] = [...place.querySelectorAll("script")].map((script) => script.textContent);
  if (library) globalThis.tgMolfieldLibrary = library;
  const html = await unpack(page);
  const found = () => globalThis.tgMolfieldLibrary || !html.includes(LIBRARY);
  for (let tries = 0; tries < 100 && !found(); tries += 1) await new Promise((done) => setTimeout(done, 100));
  if (!found()) {
    place.textContent = "This figure needs an output that is gone: restart the kernel and run all cells.";
    return;
  }
  const frame = document.createElement("iframe");
  frame.title = place.dataset.title;
  frame.style.cssText = `display: block; width: 100%; height: ${place.style.minHeight}; border: 0`;
  frame.addEventListener("load", () => {
    const { body } = frame.contentDocument;
    const fit = () => { frame.style.height = `${Math.ceil(body.getBoundingClientRect().height)}px`; };
    new ResizeObserver(fit).observe(body);
    place.style.minHeight = 0;
  });
  frame.srcdoc = html.replace(LIBRARY, () => globalThis.tgMolfieldLibrary);
  place.replaceChildren(frame);
})(document.getElementById("$id"));
