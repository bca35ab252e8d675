/** The code of a task as it ran, against what it is now; asked for when the reader opens it. */

import { h } from "../core/dom.ts";
import { prose } from "../core/prose.ts";
import type { Link } from "../model/link.ts";
import type { Source, SourceLine } from "../wire.ts";
import { fold } from "./sections.ts";

const MARKS: Readonly<Record<SourceLine[0], string>> = { " ": "same", "-": "gone", "+": "new", "…": "gap" };
const SAID: Readonly<Record<SourceLine[0], string>> = { " ": "", "-": "as it ran: ", "+": "now: ", "…": "" };

export class SourceSection {
  readonly element = fold("source", "Source", "as it ran, and what changed since");
  readonly #body = h("div", {}, h("p.wf-note", {}, "Asking the kernel…"));

  constructor(link: Link, group: string, index: number | null) {
    this.element.append(this.#body);
    this.element.addEventListener("toggle", () => {
      if (!this.element.open) return;
      link.ask(
        this,
        { op: "source", group, index },
        ({ source }) => this.#draw(source),
        (text) => this.#body.replaceChildren(h("p.wf-note", {}, text)),
      );
    });
  }

  #draw({ lines, changes, note }: Source): void {
    const words = changes.map((change) => h("li", {}, ...prose(change)));
    this.#body.replaceChildren(
      h("p.wf-note", {}, ...prose(note)),
      ...(words.length === 0 ? [] : [h("ul.wf-changes", { "aria-label": "What changed" }, ...words)]),
      ...(lines.length === 0 ? [] : [h("div.wf-source", { tabindex: "0", role: "group", "aria-label": "Code" }, table(lines))]),
    );
  }
}

function table(lines: readonly SourceLine[]): HTMLElement {
  const compared = lines.some(([mark]) => mark !== " ");
  return h(
    "div.wf-code",
    {},
    ...lines.map(([mark, before, now, text]) => {
      const row = h("div", { class: `wf-line-${MARKS[mark]}` }, h("span.wf-line-number", {}, numbered(before)));
      if (compared) row.append(h("span.wf-line-number", {}, numbered(now)), h("span.wf-line-mark", {}, mark === "…" ? "" : mark.trim()));
      row.append(h("span.wf-line-text", {}, SAID[mark] === "" ? null : h("span.wf-hidden", {}, SAID[mark]), text));
      return row;
    }),
  );
}

function numbered(line: number | null): string {
  return line === null ? "" : String(line);
}
