/** Lines that a node logged, printed or warned. */

import { h } from "../core/dom.ts";
import { timeOfDay } from "../core/format.ts";
import { levelOf } from "../logs/levels.ts";
import type { LogRow } from "../wire.ts";

export function logView(rows: readonly LogRow[]): HTMLElement {
  const several = new Set(rows.map((row) => row[4])).size > 1;
  let attempt = 0;
  const lines: HTMLElement[] = [];
  for (const row of rows) {
    if (several && row[4] !== attempt) {
      attempt = row[4];
      lines.push(h("div.wf-log-attempt", {}, `Attempt ${attempt}`));
    }
    lines.push(line(row));
  }
  return h("div.wf-logs", { role: "log", "aria-live": "off", tabindex: "0", "aria-label": "Log lines" }, ...lines);
}

function line([at_s, level, source, text]: LogRow): HTMLElement {
  const { name, tone } = levelOf(level);
  const label = source === "print" ? "print" : name;
  return h(
    "div.wf-log",
    { class: `wf-log wf-log-${source === "print" ? "quiet" : tone}`, title: source },
    h("span.wf-log-time", {}, timeOfDay(at_s)),
    h("span.wf-log-level", {}, label),
    h("span.wf-log-text", {}, text),
  );
}
