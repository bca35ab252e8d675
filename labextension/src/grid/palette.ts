/** The colours of states as numbers, for pixels. */

import { h } from "../core/dom.ts";
import { LOOKS, stateOf } from "../core/states.ts";
import { STATES, type TaskState } from "../wire.ts";

export type Rgb = readonly [red: number, green: number, blue: number];

export interface Theme {
  readonly back: Rgb;
  readonly text: Rgb;
  readonly accent: Rgb;
  /** Of numbers. */
  readonly font: string;
  readonly states: Readonly<Record<TaskState, Rgb>>;
}

/** How much of a state's colour its cell has, the rest being background: what went wrong stands out. */
const SHARES = { bad: 1, plain: 0.85, pending: 0.38, dimmed: 0.14 } as const;

/** The colours of the host's theme, as the style sheet of the view takes them over. */
export function themeOf(parent: HTMLElement): Theme {
  const probe = h("span.wf-hidden", { "aria-hidden": "true" });
  parent.append(probe);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pixel = canvas.getContext("2d", { willReadFrequently: true });
  const read = (variable: string): Rgb => {
    probe.style.color = `var(${variable})`;
    if (pixel === null) return [128, 128, 128];
    pixel.fillStyle = getComputedStyle(probe).color; // whatever the form, a pixel knows its bytes
    pixel.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0] = pixel.getImageData(0, 0, 1, 1).data;
    return [red, green, blue];
  };
  const states = Object.fromEntries(STATES.map((state) => [state, read(`--wf-${LOOKS[state].tone}`)]));
  const theme = {
    back: read("--wf-field"),
    text: read("--wf-fg"),
    accent: read("--wf-accent"),
    font: `10px ${getComputedStyle(probe).fontFamily}`,
    states: states as Theme["states"],
  };
  probe.remove();
  return theme;
}

/** The colour of a cell; one of another state than the one looked for is dimmed. */
export function colourOf(theme: Theme, state: TaskState, only: TaskState | null): Rgb {
  const plain = state === "PENDING" ? SHARES.pending : LOOKS[state].bad ? SHARES.bad : SHARES.plain;
  return mixed(theme.states[state], theme.back, only === null ? plain : only === state ? 1 : SHARES.dimmed);
}

export function mixed(colour: Rgb, back: Rgb, share: number): Rgb {
  const mix = (at: 0 | 1 | 2): number => Math.round(colour[at] * share + back[at] * (1 - share));
  return [mix(0), mix(1), mix(2)];
}

/** A pixel by state code, in the byte order of ImageData on all machines that have a browser; unknown codes are pending. */
export function paletteOf(theme: Theme, only: TaskState | null): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, code) => {
    const [red, green, blue] = colourOf(theme, stateOf(code), only);
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
}

export function css([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}
