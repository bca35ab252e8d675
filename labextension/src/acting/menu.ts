/** A button with a menu: opened by click, Enter or arrow down; arrows choose, Escape closes. */

import { h, setAttribute } from "../core/dom.ts";

export interface Item {
  readonly text: string;
  readonly run: () => void;
}

export class Menu {
  readonly element: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #list = h("div.wf-menu", { role: "menu", hidden: true });

  /** `items` is asked when the menu opens. */
  constructor(
    text: string,
    readonly items: () => readonly Item[],
  ) {
    this.#button = h("button.wf-button", { type: "button", "aria-haspopup": "menu", "aria-expanded": "false" }, text);
    this.element = h("div.wf-menu-place", {}, this.#button, this.#list);
    this.#button.addEventListener("click", () => (this.#list.hidden ? this.#open() : this.#close(true)));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("focusout", (event) => {
      if (!(event.relatedTarget instanceof Node && this.element.contains(event.relatedTarget))) this.#close(false);
    });
  }

  #open(): void {
    const buttons = this.items().map(({ text, run }) => {
      const button = h("button.wf-menu-item", { type: "button", role: "menuitem", tabindex: "-1" }, text);
      button.addEventListener("click", () => {
        this.#close(true);
        run();
      });
      return button;
    });
    this.#list.replaceChildren(...buttons);
    this.#list.hidden = false;
    setAttribute(this.#button, "aria-expanded", "true");
    buttons[0]?.focus({ preventScroll: true });
  }

  #close(focus: boolean): void {
    if (this.#list.hidden) return;
    this.#list.hidden = true;
    setAttribute(this.#button, "aria-expanded", "false");
    if (focus) this.#button.focus({ preventScroll: true });
  }

  #key(event: KeyboardEvent): void {
    const buttons = [...this.#list.querySelectorAll("button")];
    const at = buttons.findIndex((button) => button === event.target);
    if (this.#list.hidden && event.key === "ArrowDown") this.#open();
    else if (this.#list.hidden) return;
    else if (event.key === "Escape") this.#close(true);
    else if (event.key === "ArrowDown") buttons[(at + 1) % buttons.length]?.focus();
    else if (event.key === "ArrowUp") buttons[(at + buttons.length - 1) % buttons.length]?.focus();
    else if (event.key === "Home") buttons[0]?.focus();
    else if (event.key === "End") buttons.at(-1)?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
