/** What the kernel alone knows of nodes: names of their own and reasons; asked for those in sight. */

import { LOOKS, stateOf } from "../core/states.ts";
import type { Link } from "./link.ts";
import type { GroupState } from "./run_model.ts";
import type { NodeRow, TaskState } from "../wire.ts";

export interface Place {
  readonly card: GroupState;
  readonly cell: number;
}

const MOST_ASKED = 500;
const MOST_KEPT = 50_000;

export class Told {
  /** Who asks, by what for: a newer question stands for an older one of the same kind only. */
  readonly #askers = new Map<string, object>();
  readonly #rows = new Map<string, { readonly row: NodeRow; readonly state: TaskState }>();
  readonly #asked = new Set<string>();

  constructor(readonly link: Link) {}

  reason({ card, cell }: Place): string {
    return this.#rows.get(keyOf(card, cell))?.row[1] ?? "";
  }

  name({ card, cell }: Place): string {
    const { group } = card;
    const own = this.#rows.get(keyOf(card, cell))?.row[0];
    if (own !== undefined) return own;
    return group.mapped ? `${group.name}[${group.named ? "…" : cell}]` : group.name;
  }

  /** Asks about these nodes what is not known yet; the answers come card by card, each told to `done`. */
  ask(places: readonly Place[], done: () => void): void {
    for (const [card, cells] of this.#open(places)) {
      if (this.#asked.has(card.group.id)) continue;
      this.#asked.add(card.group.id);
      const end = (): void => {
        this.#asked.delete(card.group.id);
        done();
      };
      this.#askCard(card, cells.slice(0, MOST_ASKED), "rows of the table").then(end, end);
    }
  }

  /** Knows all of these nodes when it resolves. */
  async complete(places: readonly Place[]): Promise<void> {
    for (const [card, cells] of this.#open(places)) {
      for (let at = 0; at < cells.length; at += MOST_ASKED) {
        await this.#askCard(card, cells.slice(at, at + MOST_ASKED), "copy of the table");
      }
    }
  }

  #open(places: readonly Place[]): Map<GroupState, number[]> {
    const open = new Map<GroupState, number[]>();
    for (const { card, cell } of places) {
      if (!this.#isOpen(card, cell)) continue;
      const cells = open.get(card);
      if (cells === undefined) open.set(card, [cell]);
      else cells.push(cell);
    }
    return open;
  }

  /** Is there something about the node that is not known? */
  #isOpen(card: GroupState, cell: number): boolean {
    const { group, states } = card;
    const told = this.#rows.get(keyOf(card, cell));
    const state = stateOf(states[cell]);
    if (told === undefined && group.named) return true;
    const isNoted = (group.note !== "" && state !== "PENDING") || state === "REUSED" || state === "RETRYING";
    return (LOOKS[state].bad || state === "SKIPPED" || isNoted) && told?.state !== state;
  }

  #asker(topic: string): object {
    const asker = this.#askers.get(topic) ?? {};
    this.#askers.set(topic, asker);
    return asker;
  }

  #askCard(card: GroupState, cells: readonly number[], topic: string): Promise<void> {
    return new Promise((known, refuse) => {
      const group = card.group.id;
      const take = (rows: readonly NodeRow[]): void => {
        if (this.#rows.size > MOST_KEPT) this.#rows.clear();
        rows.forEach((row, i) => {
          const cell = cells[i];
          if (cell !== undefined) this.#rows.set(keyOf(card, cell), { row, state: stateOf(card.states[cell]) });
        });
        known();
      };
      const refused = (text: string): void => refuse(new Error(text));
      this.link.ask(this.#asker(`${topic} ${group}`), { op: "rows", group, indexes: cells }, ({ rows }) => take(rows), refused);
    });
  }
}

function keyOf({ group }: GroupState, cell: number): string {
  return `${cell} ${group.id}`;
}
