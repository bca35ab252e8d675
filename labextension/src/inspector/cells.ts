/** Cells of the notebook that the view is in, where its page is one that shows them: JupyterLab, Notebook 7. */

import { type Child, h, setText } from "../core/dom.ts";

const FLASH_MS = 1600;

/** The text as a link to a cell; plain text where there is no notebook around `near`. */
export function cellLink(text: string, cell: number | null, line: number, near: HTMLElement): Child {
  const notebook = near.closest(".jp-Notebook");
  if (cell === null || notebook === null) return text;
  const link = h("button.wf-link", { type: "button", title: `Go to cell ${cell}` }, text);
  const note = h("span.wf-note", { role: "status" });
  link.addEventListener("click", () => {
    const found = findCell(cell, notebook);
    setText(note, found === null ? " (the page does not show this cell now)" : "");
    if (found !== null) goTo(found, line);
  });
  return h("span", {}, link, note);
}

/** The cell with this execution count. */
function findCell(cell: number, notebook: Element): Element | null {
  const prompts = [...notebook.querySelectorAll(".jp-InputPrompt")];
  const prompt = prompts.find(({ textContent }) => textContent.trim() === `[${cell}]:`);
  return prompt?.closest(".jp-Cell") ?? null;
}

function goTo(cell: Element, line: number): void {
  const target = cell.querySelectorAll(".cm-line")[line - 1] ?? cell;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
  const colour = "color-mix(in srgb, var(--jp-warn-color1, #e8a33d) 40%, transparent)";
  target.animate([{ backgroundColor: colour }, { backgroundColor: colour, offset: 0.6 }, {}], FLASH_MS);
}
