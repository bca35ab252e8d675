/** What the kernel alone knows of nodes: names of their own and reasons; asked for those in sight. */

import { LOOKS, isLive, stateOf } from "../core/states.ts";
import type { Group, NodeRow, TaskState } from "../wire.ts";
import { answered } from "./answered.ts";
import type { Link } from "./link.ts";
import { type GroupState, isStalled } from "./run_model.ts";

export interface Place {
  readonly card: GroupState;
  readonly cell: number;
}

interface Known {
  readonly row: NodeRow;
  /** How the node stood then, and when that was. */
  readonly stand: string;
  readonly at_s: number;
}

const MOST_ASKED = 500;
const MOST_KEPT = 50_000;
/** An answer that has not come by then is lost; a refusal, and the reason of what still moves, stand for as long. */
const ASK_AGAIN_S = 5;

/** The name of a node as far as the browser knows it, of a group where no node is meant. */
export function nameOf(group: Group, cell: number | null): string {
  return group.mapped && cell !== null ? `${group.name}[${group.named ? "…" : cell}]` : group.name;
}

export class Told {
  readonly #rows = new Map<string, Known>();
  /** When each card was asked about; cards about which nothing is open are left out. Also who asks. */
  readonly #asked = new Map<string, { readonly at_s: number }>();
  /** Of which all this is known. */
  #run: string | undefined;

  constructor(readonly link: Link) {}

  reason(place: Place): string {
    const known = this.#known(place);
    return known?.stand === standOf(place) ? known.row[1] : "";
  }

  name(place: Place): string {
    return this.#known(place)?.row[0] ?? nameOf(place.card.group, place.cell);
  }

  /** Asks about these nodes what is not known yet; each answer that tells something calls `news`. */
  ask(places: readonly Place[], news: () => void): void {
    const at_s = this.link.host.now_s();
    for (const [card, open] of this.#open(places)) {
      const { id } = card.group;
      const before = this.#asked.get(id);
      if (before !== undefined && at_s - before.at_s < ASK_AGAIN_S) continue;
      const asked = { at_s };
      this.#asked.set(id, asked);
      const cells = open.slice(0, MOST_ASKED);
      const take = (rows: readonly NodeRow[]): void => {
        if (this.#asked.get(id) !== asked || !this.#take(card, cells, rows)) return;
        this.#asked.delete(id);
        news();
      };
      this.link.ask(asked, { op: "rows", group: id, indexes: cells }, ({ rows }) => take(rows), () => undefined);
    }
  }

  /** Knows all of these nodes when it resolves; they should not be more than are kept. */
  async complete(places: readonly Place[]): Promise<void> {
    for (const [card, open] of this.#open(places)) {
      for (let at = 0; at < open.length; at += MOST_ASKED) {
        const cells = open.slice(at, at + MOST_ASKED);
        const { rows } = await answered(this.link, { op: "rows", group: card.group.id, indexes: cells });
        this.#take(card, cells, rows);
      }
    }
  }

  #open(places: readonly Place[]): Map<GroupState, number[]> {
    const open = new Map<GroupState, number[]>();
    for (const place of places) {
      if (!this.#isOpen(place)) continue;
      const cells = open.get(place.card);
      if (cells === undefined) open.set(place.card, [place.cell]);
      else cells.push(place.cell);
    }
    return open;
  }

  /** Is there something about the node that is not known, or may be another thing by now? */
  #isOpen(place: Place): boolean {
    const { group } = place.card;
    const known = this.#known(place);
    const state = stateIn(place);
    if (known === undefined && group.named) return true;
    const isNoted = (group.note !== "" && state !== "PENDING") || state === "REUSED" || state === "RETRYING" || isStalled(place.card, place.cell);
    if (!LOOKS[state].bad && state !== "SKIPPED" && !isNoted) return false;
    return known?.stand !== standOf(place) || (isLive(state) && this.link.host.now_s() - known.at_s >= ASK_AGAIN_S);
  }

  /** What is known of a node; nothing of the run before that of this one. */
  #known(place: Place): Known | undefined {
    const run = this.link.model.run?.id;
    if (run !== this.#run) {
      this.#run = run;
      this.#rows.clear();
      this.#asked.clear();
    }
    return this.#rows.get(keyOf(place));
  }

  /** Keeps rows; false where there are none. */
  #take(card: GroupState, cells: readonly number[], rows: readonly NodeRow[]): boolean {
    if (this.#rows.size > MOST_KEPT) this.#rows.clear();
    const at_s = this.link.host.now_s();
    rows.forEach((row, i) => {
      const cell = cells[i];
      if (cell !== undefined) this.#rows.set(keyOf({ card, cell }), { row, stand: standOf({ card, cell }), at_s });
    });
    return rows.length > 0;
  }
}

function stateIn({ card, cell }: Place): TaskState {
  return stateOf(card.states[cell]);
}

/** What a reason was told of: another state has another one, as has a node that is stalled, or no longer. */
function standOf(place: Place): string {
  return `${stateIn(place)}${isStalled(place.card, place.cell) ? " stalled" : ""}`;
}

function keyOf({ card, cell }: Place): string {
  return `${cell} ${card.group.id}`;
}
