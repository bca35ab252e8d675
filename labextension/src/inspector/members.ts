/** The groups of tasks that a flow inside the flow is made of. */

import { glyph, h } from "../core/dom.ts";
import { count } from "../core/format.ts";
import { LOOKS, leadingState } from "../core/states.ts";
import { stripText } from "../core/strip.ts";
import type { RunModel } from "../model/run_model.ts";

export interface Members {
  readonly element: HTMLElement;
  update(): void;
}

const MOST = 200;

export function memberList(model: RunModel, id: string, choose: (id: string) => void): Members {
  const element = h("ul.wf-elements");
  let drawn = "";
  const update = (): void => {
    const members = model.members(id);
    const key = members.map(({ group }) => `${group.id} ${group.counts.join()}`).join(";");
    if (key === drawn) return;
    drawn = key;
    const rows = members.slice(0, MOST).map(({ group }) => {
      const state = leadingState(group.counts);
      const row = h(
        "button.wf-element",
        { type: "button", "data-state": state },
        glyph(LOOKS[state]),
        h("span.wf-element-name", {}, group.name),
        h("span.wf-element-state", {}, stripText(group.counts)),
      );
      row.addEventListener("click", () => choose(group.id));
      return h("li", {}, row);
    });
    element.replaceChildren(...rows);
    if (members.length === 0) element.append(h("li.wf-note", {}, "No tasks yet."));
    if (members.length > MOST) element.append(h("li.wf-note", {}, `… and ${count(members.length - MOST)} more.`));
  };
  update();
  return { element, update };
}
