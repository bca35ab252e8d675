/** Columns: the golden feed from Python, gaps, growing cards, and a link that asks for them while somebody looks. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { Columns, NO_WORKER } from "../src/model/columns.ts";
import { Link } from "../src/model/link.ts";
import { RunModel } from "../src/model/run_model.ts";
import { type ColumnsMessage, type Outgoing, parse } from "../src/wire.ts";

interface Sent {
  readonly content: unknown;
  readonly buffers: readonly string[];
}
type Ran = readonly [started: number | null, ended: number | null, worker: string | null, attempts: number, phases: number];
interface Told {
  readonly name: string;
  readonly messages: readonly Sent[];
  readonly columns: readonly Sent[];
  /** By card, in the order of the model, and by cell. */
  readonly ran: readonly (readonly Ran[])[];
}

const GOLDEN = JSON.parse(readFileSync(join(process.cwd(), "test", "golden", "feed.json"), "utf8")) as readonly Told[];

function view(base64: string): DataView {
  const odd = new Uint8Array(Buffer.concat([Buffer.from([0]), Buffer.from(base64, "base64")])); // not aligned
  return new DataView(odd.buffer, 1, odd.byteLength - 1);
}

function read(told: Told, i: number): [ColumnsMessage, DataView[]] {
  const message = parse(told.columns[i]?.content);
  assert.ok(message !== null && message.op === "columns");
  return [message, told.columns[i]!.buffers.map(view)];
}

function ran(columns: Columns, card: string, cell: number): Ran {
  const of = columns.of(card);
  const seconds = (value: number | undefined): number | null =>
    value === undefined || Number.isNaN(value) ? null : Math.round(100 * value) / 100;
  const worker = of?.worker[cell] ?? NO_WORKER;
  return [
    seconds(of?.started_s[cell]),
    seconds(of?.ended_s[cell]),
    worker === NO_WORKER ? null : (columns.workers[worker] ?? "?"),
    of?.attempts[cell] ?? 0,
    of?.phases.get(cell)?.length ?? 0,
  ];
}

for (const told of GOLDEN) {
  test(`the browser knows when and where each node ran: ${told.name}`, () => {
    const model = new RunModel();
    for (const { content, buffers } of told.messages) {
      const message = parse(content);
      if (message?.op === "snapshot" || message?.op === "delta") model.apply(message, buffers.map(view), 0);
    }
    told.columns.forEach((_, i) => assert.equal(model.columns.apply(...read(told, i)), "changed", `message ${i}`));
    assert.deepEqual(
      model.groups.map(({ group }, i) => (told.ran[i] ?? []).map((_, cell) => ran(model.columns, group.id, cell))),
      told.ran,
    );
  });
}

test("a missing message is a gap, an old one changes nothing, and a new beginning forgets all", () => {
  const told = GOLDEN[0]!;
  const columns = new Columns();
  assert.equal(columns.apply(...read(told, 1)), "gap");
  columns.apply(...read(told, 0));
  assert.equal(columns.apply(...read(told, 2)), "gap");
  columns.apply(...read(told, 1));
  assert.equal(columns.apply(...read(told, 1)), "old");
  columns.apply(...read(told, 0));
  assert.equal(columns.cards.size, 0);
});

test("buffers that do not fit are a gap, never a crash", () => {
  const told = GOLDEN[0]!;
  told.columns.forEach((_, i) => {
    const [message, buffers] = read(told, i);
    const first = { ...message, base: null };
    assert.equal(new Columns().apply(first, buffers.slice(1)), "gap");
    assert.equal(new Columns().apply(first, buffers.map((part) => new DataView(part.buffer, 0, part.byteLength + 1))), "gap");
    const far = message.cards.map((card) => ({ ...card, rows: card.rows + 1 }));
    if (far.length > 0) assert.equal(new Columns().apply({ ...first, cards: far }, buffers), "gap");
  });
});

test("listeners hear which cells have changed", () => {
  const told = GOLDEN[0]!;
  const columns = new Columns();
  const heard = new Map<string, Set<number>>();
  columns.listen((card, cells) => {
    if (card === null) heard.clear();
    else heard.set(card, new Set([...(heard.get(card) ?? []), ...cells]));
  });
  told.columns.forEach((_, i) => columns.apply(...read(told, i)));
  assert.equal(heard.get("g0")?.size, 12);
  assert.deepEqual([...columns.of("g1")!.phases.keys()], [6]);
});

test("a link asks for columns while somebody watches, and for all after a gap", () => {
  const told = GOLDEN[0]!;
  const sent: Outgoing[] = [];
  let now_s = 0;
  const link = new Link({ send: (message) => sent.push(message), now_s: () => now_s });
  const watches = (): unknown[] => sent.filter(({ op }) => op === "watch").map((message) => "have" in message && message.have);
  const arrive = (i: number): void => {
    link.receive(told.columns[i]!.content, told.columns[i]!.buffers.map(view));
  };
  link.tick();
  arrive(1); // for another tab
  assert.deepEqual(watches(), []);
  const stop = link.watch();
  assert.deepEqual(watches(), [null]);
  arrive(0);
  now_s = 5;
  link.tick();
  link.tick();
  assert.deepEqual(watches(), [null, 1]);
  now_s = 7;
  arrive(3);
  arrive(4);
  assert.deepEqual(watches(), [null, 1, null]);
  stop();
  stop();
  now_s = 60;
  link.tick();
  assert.equal(watches().length, 3);
});
