/** The buttons of what zooms: out, all of it, in. */

import { h } from "./dom.ts";

export interface Zooming {
  out(): void;
  fit(): void;
  in(): void;
}

/** `all` says what "Fit" shows. A button with a word in it is named by that word first. */
export function zoomTools(all: string, zooming: Zooming): HTMLElement {
  const button = (text: string, label: string, act: () => void): HTMLElement => {
    const made = h("button.wf-tool", { type: "button", title: label, "aria-label": /\w/.test(text) ? `${text}: ${label}` : label }, text);
    made.addEventListener("click", act);
    return made;
  };
  return h(
    "div.wf-tools",
    {},
    button("−", "Zoom out", () => zooming.out()),
    button("Fit", all, () => zooming.fit()),
    button("+", "Zoom in", () => zooming.in()),
  );
}
