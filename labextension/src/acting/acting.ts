/** All that a reader can do about a run: the parts for the head and the inspector, the dialogs and the keys. */

import { h } from "../core/dom.ts";
import { RUN_LOOKS, hasBad } from "../core/states.ts";
import { nextFailure } from "../model/failures.ts";
import type { Link } from "../model/link.ts";
import { totals } from "../model/run_model.ts";
import type { Selection } from "../model/selection.ts";
import type { Order, Wish } from "../wire.ts";
import { ActionBar } from "./bar.ts";
import { Dialog } from "./dialog.ts";
import { Shortcuts } from "./keys.ts";
import { Lineage } from "./lineage.ts";
import { type Item, Menu } from "./menu.ts";
import { type Considered, RerunDialog } from "./rerun.ts";

export interface ActingEvents {
  /** Tells the reader what was answered; an empty text clears it. */
  tell(text: string): void;
  order(order: Order): void;
  select(selection: Selection): void;
  /** Takes the focus where nothing else has it. */
  focus(): void;
}

export class Acting {
  readonly dialog: Dialog;
  readonly lineage: Lineage;
  readonly bar: ActionBar;
  readonly shortcuts: Shortcuts;
  readonly primary = h("button.wf-button.wf-primary", { type: "button", hidden: true }, "Rerun failed");
  readonly more: Menu;
  readonly #rerun: RerunDialog;

  constructor(
    readonly link: Link,
    readonly choices: { selection: Selection | null; considered: Considered | null },
    readonly events: ActingEvents,
  ) {
    this.dialog = new Dialog(() => events.focus());
    this.#rerun = new RerunDialog(
      link,
      this.dialog,
      (considered) => (choices.considered = considered),
      (text) => events.tell(text),
    );
    this.lineage = new Lineage((run) => this.#show(run));
    this.bar = new ActionBar(link, {
      consider: (wish, title) => this.#consider(wish, title),
      cancel: (at, answered) => this.#cancel(at, answered),
    });
    this.more = new Menu("More", () => this.#items());
    this.shortcuts = new Shortcuts(this.dialog, [
      { key: "r", text: "Rerun what failed", run: () => this.#failed() },
      { key: "f", text: "Go to the next failure", run: () => this.#nextFailure() },
    ]);
    this.primary.addEventListener("click", () => this.#failed());
  }

  update(): void {
    const { run, about } = this.link.model;
    if (run === null) return;
    this.primary.hidden = !RUN_LOOKS[run.state].ended || !this.#hasFailed();
    this.lineage.update(about);
    this.bar.update();
  }

  /** Goes on with what another view of the same run considered. */
  recall(): void {
    const { considered } = this.choices;
    if (considered?.run === this.link.model.run?.id && considered !== null) this.#rerun.open(considered);
  }

  /** Another run is shown. */
  turned(): void {
    this.#rerun.turned();
  }

  /** Shows what a rerun would do, to be confirmed. */
  #consider(wish: Wish, title: string): void {
    this.#rerun.open({ wish, title, run: this.link.model.run?.id ?? "" });
  }

  #nextFailure(): void {
    const failure = nextFailure(this.link.model, this.choices.selection);
    if (failure === null) this.events.tell("Nothing failed.");
    else this.events.select(failure);
  }

  #hasFailed(): boolean {
    const { model } = this.link;
    if (model.run === null) return false;
    return hasBad(totals(model)) || (RUN_LOOKS[model.run.state].ended && model.run.state !== "COMPLETED");
  }

  #failed(): void {
    if (this.#hasFailed()) this.#consider({ what: "failed" }, "Rerun what failed");
    else this.events.tell("Nothing failed: there is nothing to rerun.");
  }

  #items(): Item[] {
    const { run, about } = this.link.model;
    const pinned = about?.pinned === true;
    const items: Item[] = [
      { text: "Rerun what failed…", run: () => this.#failed() },
      { text: "Rerun what changed…", run: () => this.#consider({ what: "changed" }, "Rerun what changed") },
      { text: pinned ? "Unpin" : "Pin", run: () => this.events.order(pinned ? "unpin" : "pin") },
    ];
    if (run !== null && run.held_bytes > 0 && RUN_LOOKS[run.state].ended) {
      items.push({ text: "Release cluster memory", run: () => this.events.order("release") });
    }
    items.push({ text: "Next failure", run: () => this.#nextFailure() });
    items.push({ text: "Keys", run: () => this.shortcuts.help() });
    return items;
  }

  #show(run: string): void {
    this.link.act({ op: "show", run }, ({ ok, text }) => {
      this.events.tell(text);
      if (!ok) this.lineage.refused();
    });
  }

  #cancel(at: Selection, answered: (ok: boolean) => void): void {
    this.events.tell("Asking the run: cancel…");
    this.link.order(
      "cancel",
      ({ ok, text }) => {
        this.events.tell(text);
        answered(ok);
      },
      at,
    );
  }
}
