/** What only the kernel knows of nodes: asked for in peace, whether the kernel answers, refuses or is gone. */

import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { codeOf } from "../src/core/states.ts";
import { Link } from "../src/model/link.ts";
import type { GroupState } from "../src/model/run_model.ts";
import { type Place, Told } from "../src/model/told.ts";
import { type NodeRow, type Outgoing, STATES, type TaskState } from "../src/wire.ts";

function card(states: readonly TaskState[], named = false, stalled: readonly number[] = []): GroupState {
  const group = {
    id: "g0", order: 0, name: "clean", task: "clean", kind: "task", mapped: true, length: states.length, parent: null, edges: [], levels: 1,
    named, note: "", stale: 0, stalled, counts: STATES.map((state) => states.filter((each) => each === state).length), first_s: null, last_s: null,
  };
  return { group, states: Uint8Array.from(states, codeOf) };
}

/** A kernel that may be gone, and somebody who looks at nodes and draws them anew with each news. */
class Scene {
  readonly asked: (Outgoing & { readonly request: string })[] = [];
  readonly clock = { now_s: 100 };
  isGone = false;
  sent = 0;
  news = 0;
  places: Place[] = [];
  readonly link = new Link({
    send: (message) => {
      this.sent += 1;
      if (this.isGone) throw new Error("the comm is closed");
      this.asked.push(message as Outgoing & { readonly request: string });
    },
    now_s: () => this.clock.now_s,
  });
  readonly told = new Told(this.link);

  look(states: readonly TaskState[], named = false, stalled: readonly number[] = []): void {
    const seen = card(states, named, stalled);
    this.places = states.map((_, cell) => ({ card: seen, cell }));
    this.draw();
  }

  draw(): void {
    this.told.ask(this.places, () => {
      this.news += 1;
      if (this.news < 50) this.draw();
    });
  }

  answer(...rows: readonly NodeRow[]): void {
    this.link.receive({ v: 1, op: "rows", request: this.asked.at(-1)!.request, rows }, []);
  }

  refuse(): void {
    this.link.receive({ v: 1, op: "error", request: this.asked.at(-1)!.request, text: "no" }, []);
  }

  after(seconds: number): number {
    this.clock.now_s += seconds;
    this.draw();
    return this.sent;
  }

  get reasons(): string[] {
    return this.places.map((place) => this.told.reason(place));
  }
}

test("a kernel that is gone is asked again only after a time", async () => {
  const on = new Scene();
  on.isGone = true;
  on.look(["FAILED"]);
  await new Promise((done) => setImmediate(done));
  assert.deepEqual([on.sent, on.news], [1, 0]);
  assert.deepEqual([on.after(4), on.after(1.1), on.after(1)], [1, 2, 2]);
});

test("a refusal, an answer without rows and one that is lost are all asked again after a time", async () => {
  for (const end of [(on: Scene) => on.refuse(), (on: Scene) => on.answer(), () => undefined]) {
    const on = new Scene();
    on.look(["FAILED"]);
    end(on);
    await new Promise((done) => setImmediate(done));
    assert.deepEqual([on.sent, on.news], [1, 0]);
    assert.deepEqual([on.after(1), on.after(4.1)], [1, 2]);
    on.answer(["clean[0]", "ValueError: x"]);
    assert.deepEqual(on.reasons, ["ValueError: x"]);
    assert.equal(on.after(60), 2, "how it ended is known");
  }
});

test("a reason counts in the state that it was told of, and one of what still moves is asked for again", () => {
  const on = new Scene();
  on.look(["RETRYING"]);
  on.answer(["clean[0]", "attempt 1 of 3 failed"]);
  assert.deepEqual([on.reasons, on.after(1)], [["attempt 1 of 3 failed"], 1]);
  on.look(["RUNNING"]);
  assert.deepEqual(on.reasons, [""]);
  on.look(["RETRYING"]);
  assert.equal(on.after(5), 2);
  on.answer(["clean[0]", "attempt 2 of 3 failed"]);
  assert.deepEqual(on.reasons, ["attempt 2 of 3 failed"]);
});

test("why a node is stalled is asked for when it is, and said no longer than it is", () => {
  const on = new Scene();
  on.look(["RUNNING", "RUNNING"]);
  assert.equal(on.sent, 0);
  on.look(["RUNNING", "RUNNING"], false, [1]);
  assert.deepEqual(on.asked.map((each) => "indexes" in each && each.indexes), [[1]]);
  on.answer(["clean[1]", "stalled: nothing is heard of its worker"]);
  assert.deepEqual(on.reasons, ["", "stalled: nothing is heard of its worker"]);
  on.look(["RUNNING", "RUNNING"]);
  assert.deepEqual([on.reasons, on.sent], [["", ""], 1]);
});

test("nothing that was told of one run is told of another", () => {
  const on = new Scene();
  on.look(["FAILED"]);
  on.answer(["clean[0]", "of the first run"]);
  on.link.model.run = { id: "r-2", flow: "f", state: "RUNNING", reason: "", started_s: 1, ended_s: null, held_bytes: 0, now_s: 1 };
  assert.deepEqual([on.reasons, on.after(0)], [[""], 2]);
});

test("what is copied is complete, or fails where an answer is lost", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const on = new Scene();
    const seen = card(["COMPLETED", "COMPLETED"], true);
    on.places = [0, 1].map((cell) => ({ card: seen, cell }));
    const all = on.told.complete(on.places);
    on.answer(["clean[a]", ""], ["clean[b]", ""]);
    await all;
    assert.deepEqual(on.places.map((place) => on.told.name(place)), ["clean[a]", "clean[b]"]);
    const lost = assert.rejects(new Told(on.link).complete(on.places), /does not answer/);
    mock.timers.tick(10_001);
    await lost;
  } finally {
    mock.timers.reset();
  }
});
