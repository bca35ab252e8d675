"""Gestures: what a reader does with the grid in a page, and what is seen of it, as scripts for the page."""

from __future__ import annotations

from typing import Final

#: Opens the grid of the card with a name.
OPEN_GRID: Final = """(name) => {
  const cards = [...document.querySelectorAll(".wf-card")];
  const card = cards.find((each) => each.querySelector(".wf-card-name").textContent === name);
  card.querySelector(".wf-card-grid").click();
}"""

#: Zooms until cells are so large, then drags the grid to and fro for a while; gives the times between frames, in ms.
PAN: Final = """async ([least, seconds]) => {
  const canvas = document.querySelector(".wf-grid-canvas");
  const frame = () => new Promise(requestAnimationFrame);
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const at = (dx, dy) => ({ clientX: left + width / 2 + dx, clientY: top + height / 2 + dy });
  const point = (type, dx, dy, buttons) =>
    canvas.dispatchEvent(new PointerEvent(type, { pointerId: 1, ...at(dx, dy), buttons, bubbles: true }));
  const press = (key) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  canvas.setPointerCapture = () => {}; // no pointer of this number is down
  press("0");
  await frame(); await frame();
  while (Number(canvas.dataset.cell) < least) { press("+"); await frame(); await frame(); }
  const gaps = [];
  let last = await frame();
  const begun = last;
  point("pointerdown", 0, 0, 1);
  for (let step = 0; last - begun < 1000 * seconds; step++) {
    point("pointermove", 150 * Math.sin(step / 15), 100 * Math.cos(step / 23), 1);
    const now = await frame();
    gaps.push(now - last);
    last = now;
  }
  point("pointerup", 0, 0, 0);
  return gaps;
}"""

#: Notes when the colour of a cell changes: place, colour and time, from what stands on the canvas after each frame.
WATCH: Final = """() => {
  const canvas = document.querySelector(".wf-grid-canvas");
  const context = canvas.getContext("2d");
  const seen = [];
  window.painted = [];
  const look = () => {
    const number = (name) => Number(canvas.dataset[name] ?? 0);
    const [cell, columns, left, top] = ["cell", "columns", "left", "top"].map(number);
    const pixels = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    const at_s = Date.now() / 1000;
    for (let place = 0; place < number("cells"); place++) {
      const x = Math.floor((place % columns) * cell - left + cell / 5);
      const y = Math.floor(Math.floor(place / columns) * cell - top + cell / 5);
      const colour = pixels[y * canvas.width + x];
      if (colour === seen[place]) continue;
      seen[place] = colour;
      window.painted.push([place, colour, at_s]);
    }
    requestAnimationFrame(() => setTimeout(look, 0)); // after the grid has painted
  };
  look();
}"""
