/** Parts of the inspector: sections that are always open, sections to unfold, and lists of facts. */

import { type Child, h } from "../core/dom.ts";

export function section(title: string, ...content: readonly Child[]): HTMLElement | null {
  const shown = content.filter((child) => child !== null);
  return shown.length === 0 ? null : h("section.wf-section", { "aria-label": title }, h("h4", {}, title), ...shown);
}

/** A section that the reader opens. `key` is its name when the panel is drawn again. */
export function fold(key: string, title: string, note: string, ...content: readonly Child[]): HTMLDetailsElement {
  return h(
    "details.wf-section.wf-foldable",
    { "data-key": key, "aria-label": title },
    h("summary", {}, h("span.wf-foldable-title", {}, title), h("span.wf-foldable-note", {}, note)),
    ...content,
  );
}

/** Names and values; those without a value are left out. */
export function factList(rows: readonly (readonly [name: string, value: Child])[]): HTMLElement | null {
  const shown = rows.flatMap(([name, value]) =>
    value === null || value === "" ? [] : [h("div", {}, h("dt", {}, name), h("dd", {}, value))],
  );
  return shown.length === 0 ? null : h("dl.wf-facts", {}, ...shown);
}
