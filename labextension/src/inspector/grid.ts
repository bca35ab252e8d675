/** Rows and columns of a value: the head of a table, the corner of an array. */

import { h } from "../core/dom.ts";
import { count, plural } from "../core/format.ts";
import type { Looks } from "../looks.ts";

const MORE = "…";

export function tableView(look: Looks["table"], name: string): HTMLElement[] {
  const [rows = 0, columns] = look.shape;
  const shown = look.cells[0]?.length ?? look.index.length;
  const more = columns !== undefined && columns > look.columns.length;
  const size = columns === undefined ? plural(rows, "value") : `${plural(rows, "row")} × ${plural(columns, "column")}`;
  const indexed = look.index.length > 0;
  const head = h(
    "tr",
    {},
    indexed ? h("th.wf-look-index", { scope: "col" }, look.index_name) : null,
    ...look.columns.map(({ name: title, dtype, number }) =>
      h(number ? "th.wf-look-number" : "th", { scope: "col" }, h("span", {}, title), h("span.wf-look-dtype", {}, dtype)),
    ),
    more ? h("th", { scope: "col", "aria-label": "more columns" }, MORE) : null,
  );
  const body = Array.from({ length: shown }, (_, row) =>
    h(
      "tr",
      {},
      indexed ? h("th.wf-look-index", { scope: "row" }, look.index[row] ?? "") : null,
      ...look.columns.map(({ number }, column) =>
        h(number ? "td.wf-look-number" : "td", {}, look.cells[column]?.[row] ?? ""),
      ),
      more ? h("td", {}, MORE) : null,
    ),
  );
  const left = [
    rows > shown ? plural(rows - shown, "more row") : "",
    more ? plural(columns - look.columns.length, "more column") : "",
  ].filter((text) => text !== "");
  return [
    h("p.wf-note", {}, `${size}.`),
    scrolled(h("table.wf-look", {}, h("thead", {}, head), h("tbody", {}, ...body)), `Head of ${name}`),
    ...(left.length === 0 ? [] : [h("p.wf-note", {}, `… ${left.join(", ")}`)]),
  ];
}

/** Cells without heads. `whole`: how many there are in all, down and across. */
export function gridView(
  rows: readonly (readonly string[])[],
  whole: { readonly down: number; readonly across: number },
  label: string,
): HTMLElement {
  const across = rows[0]?.length ?? 0;
  const body = rows.map((row) =>
    h(
      "tr",
      {},
      ...row.map((cell) => h("td.wf-look-number", {}, cell)),
      whole.across > across ? h("td", { title: `${count(whole.across - across)} more` }, MORE) : null,
    ),
  );
  if (whole.down > rows.length) body.push(h("tr", {}, h("td", { title: `${count(whole.down - rows.length)} more` }, MORE)));
  return scrolled(h("table.wf-look", {}, h("tbody", {}, ...body)), label);
}

function scrolled(table: HTMLElement, label: string): HTMLElement {
  return h("div.wf-look-scroll", { tabindex: "0", role: "region", "aria-label": label }, table);
}
