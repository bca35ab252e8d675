/** Code for the notebook: the view offers it, and a host that can inserts it as a cell. */

/** Bubbles from a view; a host that takes the code prevents its default. */
export const INSERT_CELL = "wfkit:insert-cell";

export interface Insertion {
  readonly code: string;
}

/** Was there a host that took the code? */
export function offerCell(from: Element, code: string): boolean {
  const offer = new CustomEvent<Insertion>(INSERT_CELL, { bubbles: true, cancelable: true, detail: { code } });
  return !from.dispatchEvent(offer);
}

/** Code that gets the value of a node in any kernel. Names come from users: JSON strings are literals of Python too. */
export function codeFor(run: string, node: string): string {
  return `import wfkit\n\nx = wfkit.attach(${literal(run)}).node(${literal(node)}).result()\nx`;
}

/** ASCII only: what turns the direction of text would show another name than it is. */
function literal(text: string): string {
  return JSON.stringify(text).replace(/[^\x20-\x7e]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
