/** The way of an exception through the code: the user's frames open, those of libraries folded. */

import { type Child, h } from "../core/dom.ts";
import { plural } from "../core/format.ts";
import type { ChainLink, Frame } from "../wire.ts";
import { cellLink } from "./cells.ts";

const DIRECT = "The above exception was the direct cause";

/** The last exception of a chain first, then what it came from. `near` is a part of the page that the result joins. */
export function chainView(chain: readonly ChainLink[], key: string, near: HTMLElement): HTMLElement | null {
  const last = chain.at(-1);
  if (last === undefined) return null;
  const before = chain.slice(0, -1).map((each, i) => {
    const how = chain[i + 1]?.link.startsWith(DIRECT) === true ? "Caused by" : "Raised while handling";
    return h(
      "details.wf-cause",
      { "data-key": `${key}/${i}` },
      h("summary", {}, h("span", {}, how), h("span.wf-error-type", {}, each.text.split("\n", 1)[0] ?? "")),
      frameList(each.frames, `${key}/${i}`, near),
    );
  });
  return h("div.wf-chain", {}, frameList(last.frames, key, near), ...before.reverse());
}

function frameList(frames: readonly Frame[], key: string, near: HTMLElement): HTMLElement {
  return h(
    "ol.wf-frames",
    { "aria-label": "Frames, the innermost last" },
    ...stretches(frames).map((stretch, i) =>
      stretch[0]?.package === "" ? frameView(stretch[0], near) : libraryView(stretch, `${key}.${i}`, near),
    ),
  );
}

/** Each frame of the user by itself, and those of libraries between them together. */
export function stretches(frames: readonly Frame[]): (readonly Frame[])[] {
  const found: Frame[][] = [];
  for (const frame of frames) {
    const last = found.at(-1);
    if (frame.package !== "" && last?.[0] !== undefined && last[0].package !== "") last.push(frame);
    else found.push([frame]);
  }
  return found;
}

function libraryView(frames: readonly Frame[], key: string, near: HTMLElement): HTMLElement {
  const names = [...new Set(frames.map((frame) => frame.package))].join(", ");
  return h(
    "li",
    {},
    h(
      "details.wf-library",
      { "data-key": key, open: frames.some((frame) => frame.failing) },
      h("summary", {}, `${plural(frames.length, "frame")} of ${names}`),
      h("ol.wf-frames", {}, ...frames.map((frame) => frameView(frame, near))),
    ),
  );
}

function frameView(frame: Frame, near: HTMLElement): HTMLElement {
  const where: Child = cellLink(frame.where, frame.cell, frame.line, near);
  return h(
    "li.wf-frame",
    { class: frame.failing ? "wf-frame wf-failing" : "wf-frame" },
    h(
      "div.wf-frame-where",
      { title: frame.cell === null ? frame.file : "" },
      h("span", {}, where),
      frame.function === "" ? null : h("span.wf-note", {}, " in ", h("code", {}, frame.function)),
    ),
    frame.code === "" ? null : h("pre.wf-frame-code", { tabindex: "0", "aria-label": "Code" }, frame.code),
  );
}
