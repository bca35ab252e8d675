/** How log levels read and look: a word, a colour and a shape. */

export interface Level {
  readonly least: number;
  readonly name: string;
  readonly tone: "bad" | "warn" | "plain" | "quiet";
  /** Path of a 16 x 16 glyph. */
  readonly path: string;
  readonly line: boolean;
}

export const LEVELS: readonly Level[] = [
  { least: 50, name: "CRITICAL", tone: "bad", path: "M5 1.5h6L14.5 5v6L11 14.5H5L1.5 11V5z", line: false },
  { least: 40, name: "ERROR", tone: "bad", path: "M4 4 12 12M12 4 4 12", line: true },
  { least: 30, name: "WARNING", tone: "warn", path: "M8 2.6 14 13H2zM8 6.6v3M8 11.2v.2", line: true },
  { least: 20, name: "INFO", tone: "plain", path: "M8 7v5M8 4.2v.2", line: true },
  { least: 0, name: "DEBUG", tone: "quiet", path: "M5.5 8a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0z", line: false },
];

const QUIETEST: Level = { least: 0, name: "DEBUG", tone: "quiet", path: "", line: false };

export function levelOf(level: number): Level {
  return LEVELS.find(({ least }) => level >= least) ?? LEVELS.at(-1) ?? QUIETEST;
}
