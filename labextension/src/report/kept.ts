/** A host without a kernel: answers a view from what a report holds. */

import type { Host } from "../model/link.ts";
import type { Outgoing } from "../wire.ts";

/** A message, its buffers as base64. */
export interface Said {
  readonly content: unknown;
  readonly buffers: readonly string[];
}

/** What `notebook/report.py` put into the page. */
export interface Kept {
  readonly now_s: number;
  readonly snapshot: Said;
  readonly columns: Said;
  /** Answers to questions for details, by card and cell. */
  readonly details: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** What sums up the nodes of a card. */
  readonly sums: Readonly<Record<string, unknown>>;
  /** Names of the cells of a card, where they are more than numbers, and reasons by cell. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  readonly reasons: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly cards: Readonly<Record<string, string>>;
}

const NO_DETAIL = "This report does not hold the details of this node: ask the run itself, in a notebook.";
const NO_ORDER = "This is a report: it can be read, and nothing in it acts on the run.";

export class StaticHost implements Host {
  receive: (content: unknown, buffers: readonly DataView[]) => void = () => undefined;

  constructor(readonly kept: Kept) {}

  /** The time stands still. */
  now_s(): number {
    return this.kept.now_s;
  }

  send(message: Outgoing): void {
    const { content, buffers } = this.#answer(message);
    // Whoever asks has not yet noted that it did.
    queueMicrotask(() => this.receive(content, buffers.map(view)));
  }

  #answer(message: Outgoing): Said {
    if (!("request" in message)) return message.op === "hello" ? this.kept.snapshot : this.kept.columns;
    const answer = (content: object): Said => ({ content: { v: 1, request: message.request, ...content }, buffers: [] });
    switch (message.op) {
      case "detail": {
        const node = this.kept.details[message.group]?.[message.index];
        return answer(node === undefined ? { op: "error", text: NO_DETAIL } : { op: "detail", node });
      }
      case "group": {
        const group = this.kept.sums[message.group];
        return answer(group === undefined ? { op: "error", text: NO_DETAIL } : { op: "group", group });
      }
      case "rows":
        return answer({ op: "rows", rows: message.indexes.map((index) => this.#row(message.group, index)) });
      case "command":
        return answer({ op: "ack", ok: false, text: NO_ORDER });
      default:
        return answer({ op: "error", text: NO_DETAIL });
    }
  }

  #row(card: string, cell: number): [string, string] {
    const name = this.kept.names[card]?.[cell] ?? `${this.kept.cards[card] ?? ""}[${cell}]`;
    return [name, this.kept.reasons[card]?.[cell] ?? ""];
  }
}

function view(text: string): DataView {
  return new DataView(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);
}
