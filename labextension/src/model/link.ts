/** The line to the kernel: greets it, asks again after a gap or a silence, and pairs answers with questions. */

import {
  ANSWERED_BY,
  type Act,
  type AnswerTo,
  type Answers,
  type Message,
  type Order,
  type Outgoing,
  type Plan,
  type Question,
  VERSION,
  type Wish,
  parse,
} from "../wire.ts";
import { RUN_LOOKS } from "../core/states.ts";
import { RunModel } from "./run_model.ts";
import { skew } from "./versions.ts";

export interface Host {
  send(message: Outgoing): void;
  /** Seconds since the epoch, by the browser's clock. */
  now_s(): number;
  /** Is there only what a page holds, without a kernel? */
  readonly isReport?: boolean;
}

export interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

/** A question that waits for its answer. */
interface Open {
  readonly asker: object;
  readonly answer: (message: Answers, buffers: readonly DataView[]) => void;
  readonly refused: (text: string) => void;
  readonly asked_s: number;
  /** An act takes its time, but a kernel that takes messages says soon that it works on it. */
  readonly isAct: boolean;
  /** What came of it so far: it is waited for; the kernel works on it; nothing came for so long that this was told. */
  state: "asked" | "taken" | "lost";
}

/** How long a live run may be silent before the browser asks, and before it tells the reader. */
const ASK_AFTER_S = 5;
const LOST_AFTER_S = 20;
const HELLO_AGAIN_S = 1;
/** A kernel that takes messages says so within this time. */
const BUSY_AFTER_S = 2;
/** A kernel that is busy with a cell may take an act very late. */
const ACT_LOST_AFTER_S = 300;
const ACTS: readonly string[] = ["command", "plan", "rerun", "show"] satisfies Act["op"][];
const UNSENT = "The kernel cannot be reached from this page.";
const UNANSWERED = "The kernel did not answer.";
/** The kernel forgets who watches after 12 s. */
const WATCH_AGAIN_S = 4;

export class Link {
  readonly model = new RunModel();
  /** The newest text that belongs to no question; an answer to one takes it away. */
  notice = "";
  /** How versions of page and kernel differ, in words. */
  skew = "";
  readonly #listeners = new Set<() => void>();
  #watchers = 0;
  #watched_s = -Infinity;
  readonly #open = new Map<string, Open>();
  #requests = 0;
  #heard_s: number;
  #asked_s = -Infinity;
  /** The host did not take the last message: the kernel is gone, or another one by now. */
  #isCut = false;
  /** So it was when the listeners were called last. */
  #wasLost = false;
  /** Something was missed, and no snapshot has come since. */
  #isBehind = false;
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
    this.#send({ v: VERSION, op: "hello", have: this.model.seq, run: this.model.run?.id ?? null });
  }

  /** Asks for columns, again and again, until the returned function is called. */
  watch(): () => void {
    this.#watchers += 1;
    this.#watch(this.model.columns.seq);
    let watches = true;
    return () => {
      if (watches) this.#watchers -= 1;
      watches = false;
    };
  }

  #watch(have: number | null): void {
    this.#watched_s = this.host.now_s();
    this.#send({ v: VERSION, op: "watch", have });
  }

  /** Called every second by a view. Hosts may lose messages (Colab) or be busy (no subshell): ask again. */
  tick(): void {
    const now_s = this.host.now_s();
    if (this.#isBehind || this.#isCut) this.#helloAgain();
    this.#giveUp(now_s);
    if (this.#watchers > 0 && now_s - this.#watched_s >= WATCH_AGAIN_S) this.#watch(this.model.columns.seq);
    if (!this.ended && now_s - this.#heard_s >= ASK_AFTER_S && now_s - this.#asked_s >= ASK_AFTER_S) this.hello();
    if ((this.lost === "") === this.#wasLost) this.#changed();
  }

  /** Whoever waits too long is told so; an answer that comes after all still counts. */
  #giveUp(now_s: number): void {
    for (const open of [...this.#open.values()]) {
      if (open.state !== "asked" || now_s - open.asked_s < (open.isAct ? ACT_LOST_AFTER_S : LOST_AFTER_S)) continue;
      open.state = "lost";
      open.refused(UNANSWERED);
    }
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

  /** Why what is shown may not be how the run stands; empty while all is well. */
  get lost(): string {
    if (this.#isCut) return UNSENT;
    const { silent_s } = this;
    return silent_s > 0 ? `No news from the kernel for ${Math.floor(silent_s / 10) * 10} s.` : "";
  }

  /** The time up to which the run is known, by the browser's clock: now, or that of the last news. */
  get now_s(): number {
    return this.lost === "" ? this.host.now_s() : this.#heard_s;
  }

  /** Does something that was asked for wait until the kernel takes messages? */
  get isUnheard(): boolean {
    if (this.#isCut) return false;
    const since_s = this.host.now_s() - BUSY_AFTER_S;
    return [...this.#open.values()].some(({ isAct, state, asked_s }) => isAct && state === "asked" && asked_s < since_s);
  }

  receive(content: unknown, buffers: readonly DataView[]): void {
    const message = parse(content);
    if (message === null) {
      this.#odd(content);
    } else {
      this.#heard_s = this.host.now_s();
      this.#take(message, buffers);
    }
    this.#changed();
  }

  #changed(): void {
    this.#wasLost = this.lost !== "";
    for (const listener of [...this.#listeners]) listener();
  }

  #odd(content: unknown): void {
    const told: Readonly<Record<string, unknown>> = typeof content === "object" && content !== null ? { ...content } : {};
    if ("v" in told && told["v"] !== VERSION) this.skew = skew(told["wfkit"], false);
    else this.notice = "The kernel sent a message that this view does not understand.";
  }

  #take(message: Message, buffers: readonly DataView[]): void {
    switch (message.op) {
      case "snapshot":
      case "delta": {
        if (message.op === "snapshot") {
          this.skew = skew(message.wfkit);
          this.notice = "";
          if (message.run.id !== this.model.run?.id) this.#turned();
        }
        const applied = this.model.apply(message, buffers, this.#heard_s);
        if (applied !== "old") this.#missed(applied === "gap");
        break;
      }
      case "about":
        this.model.about = message;
        if (message.id !== this.model.run?.id) this.#missed(true); // it follows the snapshot of its run
        break;
      case "taken": {
        const open = this.#open.get(message.request);
        if (open !== undefined) open.state = "taken";
        break;
      }
      case "columns":
        // Another tab may watch while this one does not: gaps matter only to those who look.
        if (this.model.columns.apply(message, buffers) === "gap" && this.#watchers > 0) this.#watchAgain();
        break;
      case "error":
        if (message.request === undefined) this.notice = message.text;
        else this.#closed(message.request)?.refused(message.text);
        break;
      default:
        this.notice = "";
        this.#closed(message.request)?.answer(message, buffers);
    }
  }

  /** The kernel turned to another run, so it is not busy: acts on the one before are not waited for. */
  #turned(): void {
    for (const open of this.#open.values()) if (open.isAct) open.state = "taken";
  }

  #closed(request: string): Open | undefined {
    const open = this.#open.get(request);
    this.#open.delete(request);
    return open;
  }

  #missed(isBehind: boolean): void {
    this.#isBehind = isBehind;
    if (isBehind) this.#helloAgain();
  }

  /** Many deltas may arrive behind one gap: ask once. */
  #helloAgain(): void {
    if (this.host.now_s() - this.#asked_s >= HELLO_AGAIN_S || this.model.seq === null) this.hello();
  }

  #watchAgain(): void {
    if (this.host.now_s() - this.#watched_s >= HELLO_AGAIN_S) this.#watch(null);
  }

  /**
   * Asks the kernel. An answer to an older question by the same asker is dropped: only the newest one matters.
   * `refused` is told why there is no answer, or that there is none yet.
   */
  ask<Op extends Question["op"]>(
    asker: object,
    question: Question & { readonly op: Op },
    answer: (message: AnswerTo[Op], buffers: readonly DataView[]) => void,
    refused: (text: string) => void,
  ): void {
    this.forget(asker);
    const request = this.#request();
    this.#open.set(request, {
      asker,
      answer: (message, buffers) => {
        if (message.op === ANSWERED_BY[question.op]) answer(message as AnswerTo[Op], buffers);
      },
      refused,
      asked_s: this.host.now_s(),
      isAct: ACTS.includes(question.op),
      state: "asked",
    });
    if (!this.#send({ v: VERSION, request, ...question })) this.#closed(request)?.refused(UNSENT);
  }

  /** The asker waits for no answer any more. */
  forget(asker: object): void {
    for (const [request, open] of this.#open) if (open.asker === asker) this.#open.delete(request);
  }

  /** Gives an order to the run, or (cancel) to a part of it. */
  order(name: Order, answer: (answer: Answer) => void, at?: { readonly group: string; readonly index: number | null }): void {
    this.act({ op: "command", name, run: this.model.run?.id ?? null, ...at }, answer);
  }

  /** Asks for something to be done; each counts. */
  act(act: Exclude<Act, { op: "plan" | "rerun" }> | (Act & { op: "rerun" }), answer: (answer: Answer) => void): void {
    this.ask({}, act, answer, (text) => answer({ ok: false, text }));
  }

  /** Asks what a rerun would do; only the newest such question is answered. */
  plan(asker: object, run: string, wish: Wish, answer: (plan: Plan) => void, refused: (text: string) => void): void {
    this.ask(asker, { op: "plan", run, wish }, answer, refused);
  }

  /** A host may throw instead of sending, such as one whose kernel is gone. */
  #send(message: Outgoing): boolean {
    try {
      this.host.send(message);
      this.#isCut = false;
    } catch {
      this.#isCut = true;
    }
    return !this.#isCut;
  }

  #request(): string {
    this.#requests += 1;
    return `${this.#prefix}-${this.#requests}`;
  }
}
