/** Names of bars; those that only the kernel knows are asked for when somebody is told of them. */

import type { Link } from "../model/link.ts";
import { type Place, Told } from "../model/told.ts";
import type { Lanes } from "./lanes.ts";

export class Names {
  readonly #told: Told;
  /** Named since they were last asked for. */
  #named: Place[] = [];

  constructor(
    readonly link: Link,
    readonly lanes: Lanes,
  ) {
    this.#told = new Told(link);
  }

  of(bar: number): string {
    const { cards, card: of, cell } = this.lanes;
    const card = this.link.model.group(cards[of[bar] ?? -1] ?? "");
    if (card === undefined) return "";
    const place = { card, cell: cell[bar] ?? 0 };
    if (card.group.named) this.#named.push(place);
    return this.#told.name(place);
  }

  /** Asks for better names than `of` gave since the last call; `known` is called when there are some. */
  ask(known: () => void): void {
    this.#told.ask(this.#named, known);
    this.#named = [];
  }
}
