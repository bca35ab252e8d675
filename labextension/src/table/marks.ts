/** Which nodes have a text in their names or reasons: marks, made here from names and by the kernel from all else. */

import type { Found } from "../wire_lists.ts";
import type { Listing } from "./listing.ts";

/** Marks the nodes whose names, as the browser knows them, have the text; capitals do not matter. */
export function markNames(listing: Listing, text: string): Uint8Array {
  const marks = new Uint8Array(listing.length);
  const wanted = text.toLowerCase();
  listing.each(({ group }, start, end) => {
    const name = group.name.toLowerCase();
    if (name.includes(wanted)) marks.fill(1, start, end);
    else if (group.mapped && !group.named && /[[\]\d]$/.test(wanted)) {
      for (let number = start; number < end; number++) {
        if (`${name}[${number - start}]`.includes(wanted)) marks[number] = 1;
      }
    }
  });
  return marks;
}

/** Marks what the kernel found: a bit for each cell of a card, the lowest of each byte first. */
export function markFound(marks: Uint8Array, listing: Listing, found: Found, buffers: readonly DataView[]): void {
  const cells = new Map(found.cards.map((card, i) => [card, buffers[i]]));
  listing.each(({ group }, start, end) => {
    const bits = cells.get(group.id);
    if (bits === undefined) return;
    const known = Math.min(end - start, 8 * bits.byteLength);
    for (let cell = 0; cell < known; cell++) {
      if ((bits.getUint8(cell >> 3) >> (cell & 7)) & 1) marks[start + cell] = 1;
    }
  });
}
