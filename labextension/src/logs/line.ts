/** One line of the log: as a row, as text, and in full. */

import { glyph, h, setAttribute, setGlyph, setText } from "../core/dom.ts";
import { timeOfDay } from "../core/format.ts";
import type { LogLine } from "../wire_lists.ts";
import { levelOf } from "./levels.ts";

export const BODY = "flow body";

/** Draws a line into a row that `emptyRow` made; one that the kernel has not told yet is a gap. */
export function drawLine(row: HTMLElement, line: LogLine | undefined, needle: string, room: number): void {
  const [time, level, node, source, text] = [...row.children] as HTMLElement[];
  const icon = level?.querySelector("svg");
  if (time === undefined || level === undefined || node === undefined || source === undefined || text === undefined) return;
  const [, at_s, number, from, said, attempt, name, card] = line ?? [0, 0, 20, "", "…", 1, "", ""];
  const { name: word, tone, path, line: stroked } = levelOf(number);
  setAttribute(row, "class", `wf-row wf-logrow wf-log-${from === "wfkit" ? "notice" : tone}`);
  setText(time, line === undefined ? "" : timeOfDay(at_s));
  if (icon != null) setGlyph(icon, { path: line === undefined ? "" : path, line: stroked, tone: `log-${tone}` });
  if (level.lastElementChild !== null) setText(level.lastElementChild, line === undefined ? "" : word);
  const label = line !== undefined && card === "" ? BODY : name;
  node.replaceChildren(...(label === "" ? [] : [nodeLink(label, attempt)]));
  setText(source, from);
  text.replaceChildren(...highlighted(fromMatch(said, needle, room), needle));
}

const BEFORE = 12; // letters that stay in front of a match

/** A row has room for the start of a line; the start is left out where what was searched for stands behind it. */
export function fromMatch(text: string, needle: string, room: number): string {
  const at = needle === "" ? -1 : text.toLowerCase().indexOf(needle.toLowerCase());
  return at < BEFORE || at + needle.length <= room ? text : `…${text.slice(at - BEFORE)}`;
}

export function emptyRow(): HTMLElement {
  const level = h("span.wf-logrow-level", { role: "gridcell" }, glyph({ path: "", line: false, tone: "log-plain" }), h("span"));
  return h(
    "div",
    {},
    h("span.wf-logrow-time", { role: "gridcell" }),
    level,
    h("span.wf-logrow-node", { role: "gridcell" }),
    h("span.wf-logrow-source", { role: "gridcell" }),
    h("span.wf-logrow-text", { role: "gridcell" }),
  );
}

function nodeLink(name: string, attempt: number): HTMLElement {
  const text = attempt > 1 ? `${name} · ${attempt}` : name;
  const title = attempt > 1 ? `${name}, attempt ${attempt}` : name;
  if (name === BODY) return h("span.wf-note", {}, text);
  // Rows take the focus as one; Enter on a row follows its link.
  return h("button.wf-link.wf-logrow-link", { type: "button", tabindex: "-1", title, "data-wfkit-node": name }, text);
}

/** The text, with what was searched for marked. */
export function highlighted(text: string, needle: string): (Node | string)[] {
  const lower = text.toLowerCase();
  const wanted = needle.toLowerCase();
  if (wanted === "" || lower.length !== text.length) return [text]; // some letters grow, and places with them
  const parts: (Node | string)[] = [];
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    if (at > from) parts.push(text.slice(from, at));
    parts.push(h("mark", {}, text.slice(at, at + wanted.length)));
    from = at + wanted.length;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

/** "12:04:55.123 WARNING clean[3] pandas: text", for the clipboard. */
export function lineText([, at_s, level, source, text, attempt, name, card]: LogLine): string {
  const node = card === "" ? BODY : attempt > 1 ? `${name} (attempt ${attempt})` : name;
  return `${timeOfDay(at_s)} ${levelOf(level).name} ${node} ${source}: ${text}`;
}

/** A line in full, as long as it is. */
export function wholeLine(line: LogLine, needle: string): (Node | string)[] {
  const [, at_s, level, source, text, attempt, name, card] = line;
  const facts = [timeOfDay(at_s), levelOf(level).name, card === "" ? BODY : name, `attempt ${attempt}`, source];
  return [h("div.wf-note", {}, facts.join(" · ")), h("div.wf-logs-text", {}, ...highlighted(text, needle))];
}
