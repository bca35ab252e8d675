/** A host without a kernel: answers a view from what a report holds. */

import type { Host } from "../model/link.ts";
import type { Outgoing, Question } from "../wire.ts";

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

const ASK = "ask the run itself, in a notebook.";
const NO_DETAIL = `This report does not hold the details of this node: ${ASK}`;
const NO_ACT = "This is a report: it can be read, and nothing in it acts on the run.";
/** What a report answers to questions for what no report holds. */
const REFUSALS: Readonly<Record<Exclude<Question["op"], "detail" | "group" | "rows">, string>> = {
  source: `This report does not hold the code of tasks: ${ASK}`,
  preview: `This report does not hold values: ${ASK}`,
  find: `A report looks through indexes and names of tasks only: for reasons and names of elements ${ASK}`,
  still: NO_ACT,
  logs: `This report does not hold the log of the whole run: ${ASK}`,
  command: NO_ACT,
  plan: NO_ACT,
  rerun: NO_ACT,
  show: NO_ACT,
};

export class StaticHost implements Host {
  readonly isReport = true;
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
    const refusal = (text: string): Said => answer({ op: "error", text });
    switch (message.op) {
      case "detail": {
        const node = this.kept.details[message.group]?.[message.index];
        return node === undefined ? refusal(NO_DETAIL) : answer({ op: "detail", node });
      }
      case "group": {
        const group = this.kept.sums[message.group];
        return group === undefined ? refusal(NO_DETAIL) : answer({ op: "group", group });
      }
      case "rows":
        return answer({ op: "rows", rows: message.indexes.map((index) => this.#row(message.group, index)) });
      default:
        return refusal(REFUSALS[message.op]);
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
