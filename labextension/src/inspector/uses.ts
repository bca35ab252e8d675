/** What a node or a call was given, argument by argument, and what uses its value, as links. */

import { type Child, glyph, h } from "../core/dom.ts";
import { count } from "../core/format.ts";
import { LOOKS } from "../core/states.ts";
import type { Argument, NodePlace, Origin, Uses } from "../wire.ts";
import { section } from "./sections.ts";

export type Go = (place: NodePlace) => void;

export function placeLink(place: NodePlace, go: Go): HTMLElement {
  const link = h(
    "button.wf-place",
    { type: "button", "data-wfkit-node": place.name, "data-state": place.state, title: LOOKS[place.state].label },
    glyph(LOOKS[place.state]),
    h("span", {}, place.name),
  );
  link.setAttribute("aria-label", `${place.name}, ${LOOKS[place.state].label.toLowerCase()}`);
  link.addEventListener("click", () => go(place));
  return link;
}

export function placeList(places: readonly NodePlace[], more: number, go: Go): HTMLElement {
  return h(
    "ul.wf-places",
    {},
    ...places.map((place) => h("li", {}, placeLink(place, go), itemOf(place), previewOf(place))),
    more === 0 ? null : h("li.wf-note", {}, `and ${count(more)} more`),
  );
}

function itemOf(place: NodePlace | Origin): Child {
  return "item" in place && place.item !== null ? h("span.wf-note", {}, ` item ${place.item}`) : null;
}

function previewOf(place: NodePlace | Origin): Child {
  return "preview" in place && place.preview !== "" ? h("code.wf-argument", {}, place.preview) : null;
}

export function inputs(uses: Uses, go: Go): HTMLElement | null {
  const rows = uses.arguments.map((each) => row(each.name === "" ? "made from" : each.name, value(each, go)));
  if (uses.waits.length > 0) rows.push(row("waits for", placeList(uses.waits, 0, go)));
  return section("Inputs", rows.length === 0 ? null : h("dl.wf-arguments", {}, ...rows));
}

export function consumers(uses: Uses, go: Go): HTMLElement | null {
  return section("Used by", uses.consumers.length === 0 ? null : placeList(uses.consumers, uses.consumers_more, go));
}

function row(name: string, content: HTMLElement): HTMLElement {
  return h("div", {}, h("dt", {}, name), h("dd", {}, content));
}

function value({ preview, sources, more }: Argument, go: Go): HTMLElement {
  const plain = preview === "" ? null : h("code.wf-argument", {}, preview);
  if (sources.length > 0) return h("div", {}, plain, placeList(sources, more, go));
  return plain ?? h("span.wf-note", {}, "another value for each element");
}
