/** The buttons that say something to a run: pause or go on, cancel, release what it holds. */

import type { Link } from "../model/link.ts";
import type { Order } from "../wire.ts";
import { h, setAttribute, setText } from "./dom.ts";
import { bytes } from "./format.ts";
import { RUN_LOOKS } from "./states.ts";

const UNDER_WAY: Readonly<Record<Order, string>> = {
  cancel: "Cancelling…",
  pause: "Pausing…",
  resume: "Going on…",
  release: "Releasing…",
  pin: "Pinning…",
  unpin: "Unpinning…",
};

export class Orders {
  readonly held = h("span.wf-held", { title: "What the run holds in the memory of the cluster" });
  readonly release = h(
    "button.wf-button.wf-release",
    { type: "button", title: "Free the results that the run holds in the memory of the cluster" },
    "Release",
  );
  readonly pause = h("button.wf-button.wf-pause", { type: "button" }, "Pause");
  readonly cancel = h("button.wf-button.wf-cancel", { type: "button" }, "Cancel");
  /** What was asked for, of which run, and in which state. */
  #asked: { readonly order: Order; readonly run: string; readonly state: string } | null = null;

  constructor(
    readonly link: Link,
    readonly give: (order: Order) => void,
  ) {
    this.cancel.addEventListener("click", () => this.#ask("cancel"));
    this.release.addEventListener("click", () => this.#ask("release"));
    this.pause.addEventListener("click", () => this.#ask(link.model.run?.state === "PAUSED" ? "resume" : "pause"));
  }

  update(): void {
    const { run } = this.link.model;
    if (run === null) return;
    const isLost = this.link.lost !== ""; // nothing that is asked for comes of it
    if (isLost || this.#asked?.run !== run.id || (this.#asked.state !== run.state && this.#asked.order !== "cancel")) this.#asked = null;
    const { ended } = RUN_LOOKS[run.state];
    const cancelling = run.state === "CANCELLING" || (this.#asked?.order === "cancel" && !ended);
    this.cancel.hidden = ended;
    this.cancel.disabled = isLost || cancelling;
    setText(this.cancel, cancelling ? UNDER_WAY.cancel : "Cancel");

    const turn = run.state === "PAUSED" ? "resume" : "pause";
    const turning = this.#asked?.order === turn;
    this.pause.hidden = ended || cancelling || run.state === "PENDING";
    this.pause.disabled = isLost || turning;
    setText(this.pause, turning ? UNDER_WAY[turn] : turn === "pause" ? "Pause" : "Resume");
    setAttribute(this.pause, "title", turn === "pause" ? "Start nothing more; what runs goes on" : "Go on with what waits");

    setText(this.held, run.held_bytes > 0 ? `holds ${bytes(run.held_bytes)}` : "");
    const releasing = this.#asked?.order === "release";
    this.release.hidden = !ended || run.held_bytes === 0;
    this.release.disabled = isLost || releasing;
    setText(this.release, releasing ? UNDER_WAY.release : "Release");
  }

  /** The run answered; what was refused may be asked for again, and what it still holds may be released again. */
  answered(order: Order, ok: boolean): void {
    if (this.#asked?.order === order && (!ok || order === "release")) this.#asked = null;
    this.update();
  }

  #ask(order: Order): void {
    const { run } = this.link.model;
    if (run === null) return;
    this.#asked = { order, run: run.id, state: run.state };
    this.update();
    this.give(order);
  }
}
