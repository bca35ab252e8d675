/** The dialog before a rerun: a value where one is asked for, the plan with its reasons, Confirm or Cancel. */

import { h, setText } from "../core/dom.ts";
import { count, plural } from "../core/format.ts";
import { prose, setProse } from "../core/prose.ts";
import type { Link } from "../model/link.ts";
import type { Plan, Wish } from "../wire.ts";
import type { Dialog } from "./dialog.ts";

/** A rerun that the reader thinks about; outlives a view, so that nothing typed is lost when the host draws it again. */
export interface Considered {
  readonly wish: Wish;
  readonly title: string;
  /** The run that was shown, which the wish is about. */
  readonly run: string;
}

/** The kernel takes no longer ones. */
const LONGEST_VALUE = 100_000;
const HINT = "A Python literal, such as 3.5, 'text' or [1, 2]. It becomes the result, and is on record as set by hand.";

export class RerunDialog {
  readonly #confirm = h("button.wf-button.wf-primary", { type: "button" }, "Confirm");
  readonly #back = h("button.wf-button", { type: "button" }, "Cancel");
  readonly #look = h("button.wf-button", { type: "button" }, "Show the plan");
  readonly #value = h("textarea.wf-value", { rows: 2, maxlength: LONGEST_VALUE, spellcheck: "false", "aria-label": "New result" });
  readonly #headline = h("p.wf-plan-headline", { role: "status" });
  readonly #facts = h("div.wf-plan");
  readonly #error = h("p.wf-plan-error", { role: "alert" });
  #considered: Considered | null = null;
  /** The run of which a rerun was asked for, until another one is shown. */
  #starting: string | null = null;

  constructor(
    readonly link: Link,
    readonly dialog: Dialog,
    readonly remember: (considered: Considered | null) => void,
    readonly tell: (text: string) => void,
  ) {
    this.#back.addEventListener("click", () => dialog.dismiss());
    this.#confirm.addEventListener("click", () => this.#start());
    this.#look.addEventListener("click", () => this.#plan());
    this.#value.addEventListener("input", () => this.#typed());
    this.#value.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#plan();
    });
  }

  open(considered: Considered): void {
    this.#consider(considered);
    const { wish, title } = considered;
    const asks = wish.what === "value";
    this.#value.value = asks ? wish.value : "";
    this.#look.hidden = !asks;
    const field = asks ? h("div", {}, this.#value, h("p.wf-note", {}, HINT)) : null;
    this.#tell("", "");
    this.dialog.open({
      title,
      body: h("div.wf-dialog-body", {}, field, this.#headline, this.#facts, this.#error),
      buttons: [this.#look, this.#back, this.#confirm],
      focus: asks ? this.#value : this.#back,
      closed: () => {
        this.#consider(null);
        this.link.forget(this);
      },
    });
    if (!asks || wish.value !== "") this.#plan();
  }

  /** Another run is shown: its groups are others, so a wish about the one before is given up. */
  turned(): void {
    const starting = this.#starting;
    this.#starting = null;
    if (this.#considered === null || this.#considered.run === this.link.model.run?.id) return;
    const isOurs = this.#considered.run === starting;
    this.dialog.dismiss();
    if (!isOurs) this.tell("Another run is shown now: no rerun was started.");
  }

  #consider(considered: Considered | null): void {
    this.#considered = considered;
    this.remember(considered);
  }

  #typed(): void {
    const considered = this.#considered;
    if (considered?.wish.what !== "value") return;
    this.#consider({ ...considered, wish: { ...considered.wish, value: this.#value.value } });
    this.link.forget(this);
    this.#tell("", "");
  }

  #tell(headline: string, error: string): void {
    setProse(this.#headline, headline);
    setProse(this.#error, error);
    this.#facts.replaceChildren();
    this.#confirm.disabled = true;
    setText(this.#confirm, "Confirm");
  }

  #plan(): void {
    const considered = this.#considered;
    if (considered === null) return;
    this.#tell("Asking what would run…", "");
    const { focused } = this.dialog;
    this.link.plan(
      this,
      considered.run,
      considered.wish,
      (plan) => {
        if (this.#considered !== considered) return;
        this.#draw(plan);
        // Who went on to something else meanwhile stays there.
        if (this.dialog.focused === focused) this.#confirm.focus({ preventScroll: true });
      },
      (text) => {
        if (this.#considered === considered) this.#tell("", text);
      },
    );
  }

  #draw(plan: Plan): void {
    this.#tell(headline(plan), "");
    const rows = plan.rows.map(([name, reason]) =>
      h("li", {}, h("span.wf-element-name", {}, name), h("span.wf-element-state", {}, ...prose(reason))),
    );
    if (plan.more > 0) rows.push(h("li.wf-note", {}, `… and ${count(plan.more)} more`));
    const changes = plan.changes.length === 0 ? [] : ["With the code as it is now: ", ...prose(plan.changes.join("; ")), "."];
    this.#facts.append(
      h("ul.wf-plan-why", {}, ...plan.why.map((reason) => h("li", {}, ...prose(reason)))),
      ...(changes.length === 0 ? [] : [h("p.wf-plan-changes", {}, ...changes)]),
      ...(rows.length === 0
        ? [h("p.wf-note", {}, "The body of the flow is executed again; no task of this plan is.")]
        : [h("ul.wf-plan-rows", { tabindex: "0", "aria-label": "Tasks that run" }, ...rows)]),
    );
    this.#confirm.disabled = false;
  }

  #start(): void {
    const considered = this.#considered;
    if (considered === null || this.#confirm.disabled) return;
    this.#back.focus({ preventScroll: true }); // what is disabled takes no keys, and Escape closes the dialog
    this.#confirm.disabled = true;
    this.#starting = considered.run;
    this.remember(null); // what is confirmed is no wish any more: a view that takes the place of this one leaves it alone
    setText(this.#confirm, "Starting…");
    setProse(this.#error, "");
    this.link.act({ op: "rerun", run: considered.run, wish: considered.wish }, ({ ok, text }) => {
      if (!ok) this.#starting = null;
      if (this.#considered !== considered) {
        if (!ok) this.tell(text);
        return;
      }
      if (ok) {
        this.#consider(null);
        this.dialog.close();
        return;
      }
      setProse(this.#error, text);
      setText(this.#confirm, "Confirm");
      this.#confirm.disabled = false;
      this.remember(considered);
    });
  }
}

/** "4 run, 9,996 reused, of these 3 stale". */
export function headline({ counts }: Plan): string {
  const parts = [`${count(counts.run)} run`, `${count(counts.reuse)} reused`];
  if (counts.stale > 0) parts.push(`of these ${count(counts.stale)} stale`);
  if (counts.await > 0) parts.push(`${plural(counts.await, "is", "are")} awaited: the run still works on them`);
  return parts.join(", ");
}
