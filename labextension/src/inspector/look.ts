/** What is shown of a value, by kind. */

import { h } from "../core/dom.ts";
import { bytes, count, plural } from "../core/format.ts";
import type { Looks, Preview, Range } from "../looks.ts";
import { frameOf } from "./sandbox.ts";
import { gridView, tableView } from "./grid.ts";
import { treeView } from "./tree.ts";

const HEX_LINE = 8; // as wide as the narrowest panel

/** `name`: of the node, for those who cannot see. */
export function lookView(preview: Preview, buffers: readonly DataView[], name: string): HTMLElement[] {
  switch (preview.kind) {
    case "text":
      return textView(preview.look);
    case "bytes":
      return bytesView(preview.look);
    case "tree":
      return [treeView(preview.look.root)];
    case "table":
      return tableView(preview.look, name);
    case "array":
      return arrayView(preview.look, name);
    case "image":
      return [picture(preview.look, buffers[0], `Picture of ${name}`)];
    case "html":
      return [
        frameOf(preview.look.html, `Value of ${name}`),
        ...(preview.look.left_out > 0 ? [note(`Cut: ${count(preview.look.left_out)} characters are not shown.`)] : []),
      ];
    case "none":
      return [note(preview.look.reason)];
  }
}

function note(text: string): HTMLElement {
  return h("p.wf-note", {}, text);
}

function textView(look: Looks["text"]): HTMLElement[] {
  const said = look.note === undefined ? [] : [note(look.note)];
  if (look.left_out === 0) return [...said, h("pre.wf-pre.wf-value-text", { tabindex: "0" }, look.head + look.tail)];
  const lines = look.lines === undefined || look.lines < 2 ? "" : ` in ${count(look.lines)} lines`;
  return [
    ...said,
    note(`${count(look.length)} characters${lines}.`),
    h(
      "pre.wf-pre.wf-value-text",
      { tabindex: "0" },
      look.head,
      h("span.wf-value-gap", {}, `\n… ${count(look.left_out)} characters are not shown …\n`),
      look.tail,
    ),
  ];
}

function bytesView(look: Looks["bytes"]): HTMLElement[] {
  const pairs = look.start.match(/../g) ?? [];
  const lines: string[] = [];
  for (let at = 0; at < pairs.length; at += HEX_LINE) {
    const line = pairs.slice(at, at + HEX_LINE);
    const text = line.map((pair) => readable(parseInt(pair, 16))).join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${line.join(" ").padEnd(3 * HEX_LINE - 1)}  ${text}`);
  }
  const more = look.length > pairs.length ? `, the first ${count(pairs.length)} of them` : "";
  return [note(`${plural(look.length, "byte")}${more}.`), h("pre.wf-pre", { tabindex: "0" }, lines.join("\n"))];
}

function readable(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
}

function arrayView(look: Looks["array"], name: string): HTMLElement[] {
  const rows = look.corner.map((row) => [...row]);
  const [across = 1] = look.shape.slice(-1);
  const down = look.shape.length > 1 ? (look.shape.at(-2) ?? 0) : 1;
  const shape = look.shape.length === 0 ? "a single value" : look.shape.map(count).join(" × ");
  const facts: [string, string][] = [
    ["Shape", shape],
    ["Dtype", look.dtype],
    ["Size", bytes(look.bytes)],
    ...rangeFacts(look.range),
  ];
  const where = look.shape.length > 2 ? [note("The first plane:")] : [];
  return [
    h("dl.wf-facts", {}, ...facts.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value)))),
    ...where,
    gridView(rows, { down, across }, `Values of ${name}`),
  ];
}

function rangeFacts(range: Range | null): [string, string][] {
  if (range === null || range.least === "") return range === null ? [] : [["Values", "all NaN"]];
  const sample = range.step > 1 ? ` (of every ${count(range.step)}th value)` : "";
  return [
    ["Range", `${range.least} … ${range.greatest}${sample}`],
    ["Mean", range.mean],
    ...(range.nans > 0 ? ([["NaN", `${count(range.nans)}${sample}`]] as [string, string][]) : []),
  ];
}

/** An image runs no script and loads nothing, also where it is an SVG. */
function picture(look: Looks["image"], data: DataView | undefined, alt: string): HTMLElement {
  let binary = "";
  for (let at = 0; data !== undefined && at < data.byteLength; at += 1) binary += String.fromCharCode(data.getUint8(at));
  const image = h("img.wf-value-image", { alt: look.about === "" ? alt : `${alt}, ${look.about}` });
  image.src = `data:${look.media};base64,${btoa(binary)}`;
  return h("figure.wf-value-figure", {}, image, look.about === "" ? null : h("figcaption.wf-note", {}, look.about));
}
