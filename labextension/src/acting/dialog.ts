/** A dialog inside the view: takes the focus and keeps it, closes by Escape, and gives the focus back. */

import { h } from "../core/dom.ts";

const FOCUSABLE = "button:not(:disabled),textarea:not(:disabled),[tabindex='0']";

export interface Shown {
  readonly title: string;
  readonly body: HTMLElement;
  readonly buttons: readonly HTMLElement[];
  /** Has the focus first. */
  readonly focus: HTMLElement;
  /** It was closed by the reader. */
  closed?(): void;
}

export class Dialog {
  readonly element = h("div.wf-overlay", { hidden: true });
  #before: Element | null = null;
  #shown: Shown | null = null;

  constructor(readonly fallback: () => void) {
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("click", (event) => {
      if (event.target === this.element) this.dismiss();
    });
  }

  get isOpen(): boolean {
    return this.#shown !== null;
  }

  get focused(): Element | null {
    return (this.element.getRootNode() as Document | ShadowRoot).activeElement;
  }

  open(shown: Shown): void {
    if (this.#shown === null) this.#before = this.focused;
    this.#shown = shown;
    const title = h("h3.wf-dialog-title", {}, shown.title);
    const panel = h(
      "div.wf-dialog",
      { role: "dialog", "aria-modal": "true", "aria-label": shown.title },
      title,
      shown.body,
      h("div.wf-dialog-buttons", {}, ...shown.buttons),
    );
    this.element.replaceChildren(panel);
    this.element.hidden = false;
    this.#others(true);
    shown.focus.focus();
    panel.scrollIntoView({ block: "nearest" });
  }

  /** Closes it; the focus goes back to where it was, if that is still there. */
  close(): void {
    if (this.#shown === null) return;
    this.#shown = null;
    this.element.hidden = true;
    this.element.replaceChildren();
    this.#others(false);
    const before = this.#before;
    this.#before = null;
    if (before instanceof HTMLElement && before.isConnected && before.checkVisibility()) before.focus({ preventScroll: true });
    else this.fallback();
  }

  /** The reader closes it. */
  dismiss(): void {
    this.#shown?.closed?.();
    this.close();
  }

  /** What lies below neither takes the focus nor clicks; what is read out still is. */
  #others(inert: boolean): void {
    this.element.parentElement?.classList.toggle("wf-asking", inert);
    for (const other of this.element.parentElement?.children ?? []) {
      if (other instanceof HTMLElement && other !== this.element && other.role !== "status") other.inert = inert;
    }
  }

  #key(event: KeyboardEvent): void {
    event.stopPropagation(); // neither the view's shortcuts nor the host's
    if (event.key === "Escape") {
      event.preventDefault();
      this.dismiss();
    }
    if (event.key !== "Tab") return;
    const all = [...this.element.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((each) => each.checkVisibility());
    const { focused } = this;
    const at = all.findIndex((each) => each === focused);
    const next = event.shiftKey ? (at <= 0 ? all.length - 1 : at - 1) : (at + 1) % all.length;
    all[next]?.focus();
    event.preventDefault();
  }
}
