"""What every page must pass in a browser: it loads, fits the window, tells and shows what it must, and obeys."""

import colorsys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from browser import SETTLED, Browser, picture

LEVEL = "input[aria-label^='Level of']:not(:disabled)"
STEP = "input[aria-label=Step]"
SWITCH = ".controls input[type=checkbox]"
_PATIENCE = 20.0
_FIGURES = "[...document.querySelectorAll('.plot, .map')]"
_IS_DRAWN = "(figure => (figure._fullLayout || figure.molecules) && figure.querySelector('canvas'))"
_SAID = """(main => {
  main.querySelectorAll('script').forEach(one => one.remove());
  return main.innerHTML;
})(document.querySelector('main').cloneNode(true))"""
_TOO_WIDE = """[...document.querySelectorAll('input, button, select, figcaption, h1, h2, p, .facts > div')]
  .filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 80))"""
_CHANGE = """(control => {
  const last = control.options ? control.options.length - 1 : Number(control.max);
  if (control.type === 'checkbox') control.click();
  else if (control.options) control.selectedIndex = control.selectedIndex === last ? 0 : last;
  else control.value = (Number(control.value) + last) / 2;
  for (const kind of ['input', 'change']) control.dispatchEvent(new Event(kind, { bubbles: true }));
})"""


def check_page(
    browser: Browser, path: Path, says: Sequence[str], hues: Sequence[str] = (), controls: Sequence[str] = ()
) -> None:
    """Check a page in a window 1200 pixels wide, and as wide as a phone.

    Args:
        browser: the window.
        path: the page.
        says: texts that it must hold, such as values with their units.
        hues: colours, as those of channels, that some of the first figure must have, such as ``"#d55e00"``.
        controls: selectors; a change of the first control of each must change the picture.
    """
    browser.open(path, 1200, 700)
    _draw_all(browser)
    assert browser.run("document.documentElement.scrollWidth") <= 1200
    said = browser.run(_SAID)
    for text in says:
        assert text in said, text
    seen = picture(browser)
    assert len(np.unique(seen @ [1, 256, 256**2])) > 300, "shaded"
    for color in hues:
        assert _share_of_hue(seen, color) > 2e-4, color
    for control in controls:
        seen = _picture_after(browser, control, seen)
    browser.call("Emulation.setDeviceMetricsOverride", width=360, height=700, deviceScaleFactor=1, mobile=False)
    browser.wait("document.documentElement.scrollWidth <= 360")
    _draw(browser, 0)
    assert browser.run("document.documentElement.scrollWidth") <= 360
    assert browser.run(_TOO_WIDE) == []
    assert browser.errors == []
    assert browser.requests == []


def _draw_all(browser: Browser) -> None:
    """Scroll to each figure, since those far out of sight are not drawn, and leave the first in view."""
    browser.wait(f"{_FIGURES}.length")
    for number in range(browser.run(f"{_FIGURES}.length") - 1, -1, -1):
        _draw(browser, number)


def _draw(browser: Browser, number: int) -> None:
    """Scroll to a figure."""
    browser.run(f"{_FIGURES}[{number}].scrollIntoView({{behavior: 'instant'}})")
    browser.wait(f"{_IS_DRAWN}({_FIGURES}[{number}])")
    browser.run(SETTLED)


def _picture_after(browser: Browser, control: str, before: np.ndarray) -> np.ndarray:
    """What is seen after a control was set to another value, which must differ from before."""
    browser.run(f"{_CHANGE}(document.querySelector({control!r}))")
    end = time.monotonic() + _PATIENCE
    while not (picture(browser) != before).any():
        assert time.monotonic() < end, f"nothing changes with {control}"
    browser.run(SETTLED)
    return picture(browser)


def _share_of_hue(seen: np.ndarray, color: str) -> float:
    """The share of the pixels that have about the hue of a colour and are not grey."""
    wanted = colorsys.rgb_to_hsv(*(int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)))[0]
    red, green, blue = np.moveaxis(seen / 255, -1, 0)
    high, low = seen.max(-1) / 255, seen.min(-1) / 255
    spread = np.where(high > low, high - low, 1)
    sectors = [(green - blue) / spread % 6, (blue - red) / spread + 2]
    hue = np.select([high == red, high == green], sectors, (red - green) / spread + 4)
    apart = np.abs(hue / 6 - wanted)
    return float(((np.minimum(apart, 1 - apart) < 0.04) & (high - low > 0.15)).mean())
