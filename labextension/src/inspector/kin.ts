/** Who spawned a node and what it spawned, as links to them. */

import { glyph, h } from "../core/dom.ts";
import { count, plural } from "../core/format.ts";
import { LOOKS } from "../core/states.ts";
import type { NodePlace, Spawned } from "../wire.ts";

export function spawnerLink(spawner: NodePlace, go: (place: NodePlace) => void): HTMLElement {
  const link = h("button.wf-link", { type: "button", "data-wfkit-node": spawner.name }, spawner.name);
  link.addEventListener("click", () => go(spawner));
  return h("p.wf-kin", {}, "Spawned by ", link);
}

export function spawnedList(spawned: readonly Spawned[], more: number, go: (place: NodePlace) => void): HTMLElement {
  const rows = spawned.map((each) => {
    const many = each.index === null;
    const row = h(
      "button.wf-element",
      { type: "button", "data-wfkit-node": each.name, "data-state": each.state },
      glyph(LOOKS[each.state]),
      h("span.wf-element-name", {}, each.name),
      h("span.wf-element-state", {}, many ? `${count(each.ended)}/${count(each.total)}` : LOOKS[each.state].label),
    );
    row.addEventListener("click", () => go(each));
    return h("li", {}, row);
  });
  const list = h("ul.wf-elements", {}, ...rows);
  if (more > 0) list.append(h("li.wf-note", {}, `… and ${plural(more, "more call")}.`));
  return list;
}
