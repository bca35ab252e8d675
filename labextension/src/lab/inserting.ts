/** Takes code that a view offers, and inserts it below the view's cell. It executes nothing. */

import { INSERT_CELL } from "../core/insertion.ts";
import { type App, type Cell, type Panel, isPanel } from "./notebooks.ts";

const LONGEST_CHARS = 20_000;

export function takeCells(app: App): void {
  app.shell.node.addEventListener(INSERT_CELL, (event) => {
    const code = codeOf(event);
    const place = event.target instanceof Element && code !== null ? placeOf(app, event.target) : null;
    if (code === null || place === null) return;
    const { panel, index } = place;
    panel.content.model.sharedModel.insertCell(index + 1, { cell_type: "code", source: code, metadata: {} });
    panel.content.activeCellIndex = index + 1;
    event.preventDefault();
  });
}

function codeOf(event: Event): string | null {
  const detail: unknown = event instanceof CustomEvent ? event.detail : null;
  const code: unknown = typeof detail === "object" && detail !== null && "code" in detail ? detail.code : null;
  return typeof code === "string" && code !== "" && code.length <= LONGEST_CHARS ? code : null;
}

/**
 * Only for a view in an output of a trusted cell, and only upon a click or a key: what a foreign notebook
 * brings along must not write cells, and no script may write them while nobody does anything.
 */
function placeOf(app: App, from: Element): { readonly panel: Panel; readonly index: number } | null {
  if (from.closest(".wfkit") === null || !navigator.userActivation.isActive) return null;
  for (const panel of app.shell.widgets("main")) {
    if (!isPanel(panel) || panel.content.model.readOnly || !panel.node.contains(from)) continue;
    const index = panel.content.widgets.findIndex((cell) => isShownBy(cell, from));
    return index < 0 ? null : { panel, index };
  }
  return null;
}

function isShownBy(cell: Cell, from: Element): boolean {
  return cell.model.type === "code" && cell.model.trusted === true && cell.outputArea?.node.contains(from) === true;
}
