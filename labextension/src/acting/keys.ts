/** Keys of the view, and the dialog that lists them. */

import { h } from "../core/dom.ts";
import type { Dialog } from "./dialog.ts";

export interface Shortcut {
  readonly key: string;
  readonly text: string;
  readonly run: () => void;
}

/** Keys that other parts take where they have the focus. */
const ELSEWHERE: readonly (readonly [keys: string, text: string])[] = [
  ["Arrows, Home, End", "Move over the tasks"],
  ["Enter", "Open the task or element"],
  ["Esc", "Close details, menu or dialog"],
];

export class Shortcuts {
  constructor(
    readonly dialog: Dialog,
    readonly shortcuts: readonly Shortcut[],
  ) {}

  /** Takes a key that no part of the view has taken; tells whether it did. */
  take(event: KeyboardEvent): boolean {
    if (event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target)) return false;
    if (event.key === "?") this.help();
    else {
      const found = this.shortcuts.find(({ key }) => key === event.key.toLowerCase());
      if (found === undefined) return false;
      found.run();
    }
    return true;
  }

  help(): void {
    const close = h("button.wf-button", { type: "button" }, "Close");
    close.addEventListener("click", () => this.dialog.dismiss());
    const keys = [...this.shortcuts.map(({ key, text }) => [key.toUpperCase(), text] as const), ...ELSEWHERE, ["?", "This list"] as const];
    const rows = keys.flatMap(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)]);
    this.dialog.open({
      title: "Keys",
      body: h("div.wf-dialog-body", {}, h("dl.wf-keys", {}, ...rows)),
      buttons: [close],
      focus: close,
    });
  }
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input,textarea,select,[contenteditable]") !== null;
}
