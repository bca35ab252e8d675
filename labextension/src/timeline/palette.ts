/** Colours of the view's style for a canvas, which knows no variables, and hatches made of them. */

import { h } from "../core/dom.ts";
import { LOOKS, stateOf } from "../core/states.ts";
import { STATES } from "../wire.ts";

const INK = ["fg", "bg", "muted", "line", "edge", "accent", "field"] as const;
export type Ink = Readonly<Record<(typeof INK)[number], string>>;

export interface Palette {
  readonly ink: Ink;
  /** By state code. */
  readonly states: readonly string[];
  readonly hatches: readonly (CanvasPattern | string)[];
  /** Changes with the colours. */
  readonly key: string;
}

/** Reads the colours as they are now, below `host`. */
export function palette(host: HTMLElement, before: Palette | null): Palette {
  const probe = h("span", { "aria-hidden": "true" });
  host.append(probe);
  const style = getComputedStyle(probe);
  const read = (name: string): string => {
    probe.style.color = `var(--wf-${name})`;
    return style.color;
  };
  const ink = Object.fromEntries(INK.map((name) => [name, read(name)])) as unknown as Ink;
  const states = STATES.map((_, code) => read(LOOKS[stateOf(code)].tone));
  probe.remove();
  const key = [...Object.values(ink), ...states].join();
  return before?.key === key ? before : { ink, states, hatches: states.map((color) => hatch(color)), key };
}

/** Slanted lines of one colour. */
function hatch(color: string): CanvasPattern | string {
  const size = 6;
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const context = tile.getContext("2d");
  if (context === null) return color;
  context.strokeStyle = color;
  context.lineWidth = 2;
  context.beginPath();
  for (const shift of [-size, 0, size]) {
    context.moveTo(shift - 1, size + 1);
    context.lineTo(shift + size + 1, -1);
  }
  context.stroke();
  return context.createPattern(tile, "repeat") ?? color;
}
