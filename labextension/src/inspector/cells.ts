/** Cells of the notebook that the view is in, where its page is one that shows them: JupyterLab, Notebook 7. */

import { type Child, h } from "../core/dom.ts";

const FLASH_MS = 1600;

/** The text as a link to a cell; plain text where there is no notebook around `near`. */
export function cellLink(text: string, cell: number | null, line: number, near: HTMLElement): Child {
  if (cell === null || notebookOf(near) === null) return text;
  const link = h("button.wf-link", { type: "button", title: `Go to cell ${cell}` }, text);
  link.addEventListener("click", () => {
    const found = findCell(cell, near);
    if (found === null) link.replaceWith(text, h("span.wf-note", {}, " (the page does not show this cell now)"));
    else goTo(found, line);
  });
  return link;
}

function notebookOf(near: HTMLElement): Element | null {
  return near.closest(".jp-Notebook") ?? document.querySelector(".jp-Notebook");
}

/** The cell with this execution count. */
function findCell(cell: number, near: HTMLElement): Element | null {
  const prompts = [...(notebookOf(near)?.querySelectorAll(".jp-InputPrompt") ?? [])];
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
