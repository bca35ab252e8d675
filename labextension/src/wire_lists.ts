/** Messages about long lists: the log of a run, and nodes that are looked for. */

/** A line of the log, with the node that wrote it; a card "" stands for the body of the flow. */
export type LogLine = readonly [
  number: number,
  at_s: number,
  level: number,
  source: string,
  text: string,
  attempt: number,
  node: string,
  card: string,
  cell: number | null,
];

/** Lines of the log in order of time, from place `first` on among `total` that were found. */
export interface Logs {
  readonly v: 1;
  readonly op: "logs";
  readonly request: string;
  readonly total: number;
  readonly first: number;
  /** How much of the log was looked through; below 1 the same question goes on from there. */
  readonly searched: number;
  readonly rows: readonly LogLine[];
}

/** Which lines of the log are looked for. */
export interface LogFilter {
  /** A card, or "" for the body of the flow; null for all. */
  readonly group: string | null;
  readonly index: number | null;
  /** The least. */
  readonly level: number;
  readonly text: string;
}

/** Which of the lines that are found: from `start`, counted from `line` if that is given; null for the last ones. */
export interface LogWindow {
  readonly start: number | null;
  readonly line: number | null;
  readonly limit: number;
}

/** Nodes with a text in their reasons, or in names that the kernel alone knows; of each card a buffer with a bit a cell. */
export interface Found {
  readonly v: 1;
  readonly op: "found";
  readonly request: string;
  readonly cards: readonly string[];
}
