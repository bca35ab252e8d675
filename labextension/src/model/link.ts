/** The line to the kernel: greets it, asks again after a gap or a silence, and pairs answers with questions. */

import { type Message, type NodeDetail, type NodeRow, type Order, type Outgoing, VERSION, parse } from "../wire.ts";
import { RUN_LOOKS } from "../core/states.ts";
import { RunModel } from "./run_model.ts";

export interface Host {
  send(message: Outgoing): void;
  /** Seconds since the epoch, by the browser's clock. */
  now_s(): number;
}

export interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

/** How long a live run may be silent before the browser asks, and before it tells the reader. */
const ASK_AFTER_S = 5;
const LOST_AFTER_S = 20;
const HELLO_AGAIN_S = 1;

export class Link {
  readonly model = new RunModel();
  /** The newest text from the kernel that belongs to no question. */
  notice = "";
  readonly #listeners = new Set<() => void>();
  readonly #details = new Map<string, (node: NodeDetail) => void>();
  readonly #rows = new Map<string, (rows: readonly NodeRow[]) => void>();
  readonly #commands = new Map<string, (answer: Answer) => void>();
  #requests = 0;
  #heard_s: number;
  #asked_s = -Infinity;
  readonly #prefix = Math.random().toString(36).slice(2, 8);

  constructor(readonly host: Host) {
    this.#heard_s = host.now_s();
  }

  /** Calls `listener` after each change, until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  hello(): void {
    this.#asked_s = this.host.now_s();
    this.host.send({ v: VERSION, op: "hello", have: this.model.seq });
  }

  /** Called every second by a view. Hosts may lose messages (Colab) or be busy (no subshell): ask again. */
  tick(): void {
    const now_s = this.host.now_s();
    if (this.ended || now_s - this.#heard_s < ASK_AFTER_S || now_s - this.#asked_s < ASK_AFTER_S) return;
    this.hello();
  }

  get ended(): boolean {
    const run = this.model.run;
    return run !== null && RUN_LOOKS[run.state].ended;
  }

  /** Seconds for which nothing came although something was asked for; 0 while all is well. */
  get silent_s(): number {
    const silent_s = this.host.now_s() - this.#heard_s;
    return !this.ended && silent_s >= LOST_AFTER_S ? silent_s : 0;
  }

  receive(content: unknown, buffers: readonly DataView[]): void {
    const message = parse(content);
    if (message === null) {
      this.notice = "The kernel sent a message that this view does not understand. Restart the kernel to match versions.";
    } else {
      this.#heard_s = this.host.now_s();
      this.#take(message, buffers);
    }
    for (const listener of [...this.#listeners]) listener();
  }

  #take(message: Message, buffers: readonly DataView[]): void {
    switch (message.op) {
      case "snapshot":
      case "delta":
        if (this.model.apply(message, buffers, this.#heard_s) === "gap") this.#helloAgain();
        break;
      case "detail":
        this.#details.get(message.request)?.(message.node);
        this.#details.delete(message.request);
        break;
      case "rows":
        this.#rows.get(message.request)?.(message.rows);
        this.#rows.delete(message.request);
        break;
      case "ack":
        this.#commands.get(message.request)?.({ ok: message.ok, text: message.text });
        this.#commands.delete(message.request);
        break;
      case "error":
        this.notice = message.text;
        if (message.request !== undefined) {
          this.#commands.get(message.request)?.({ ok: false, text: message.text });
          this.#commands.delete(message.request);
          this.#details.delete(message.request);
          this.#rows.delete(message.request);
        }
    }
  }

  /** Many deltas may arrive behind one gap: ask once. */
  #helloAgain(): void {
    if (this.host.now_s() - this.#asked_s >= HELLO_AGAIN_S || this.model.seq === null) this.hello();
  }

  askDetail(group: string, index: number, answer: (node: NodeDetail) => void): void {
    const request = this.#request();
    this.#details.clear(); // only the newest question matters
    this.#details.set(request, answer);
    this.host.send({ v: VERSION, op: "detail", request, group, index });
  }

  /** Asks for names and reasons of elements; an answer to an older question is dropped. */
  askRows(group: string, indexes: readonly number[], answer: (rows: readonly NodeRow[]) => void): void {
    const request = this.#request();
    this.#rows.clear();
    this.#rows.set(request, answer);
    this.host.send({ v: VERSION, op: "rows", request, group, indexes });
  }

  order(name: Order, answer: (answer: Answer) => void): void {
    const request = this.#request();
    this.#commands.set(request, answer);
    this.host.send({ v: VERSION, op: "command", request, name });
  }

  #request(): string {
    this.#requests += 1;
    return `${this.#prefix}-${this.#requests}`;
  }
}
