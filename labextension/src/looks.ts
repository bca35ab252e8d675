/** What the kernel tells of a value that is looked at, by kind. */

/** One value of a tree: with `text`, or with items of which `length` says how many there are. */
export interface TreeNode {
  readonly key: string;
  readonly type: string;
  readonly text?: string;
  readonly length?: number;
  readonly items?: readonly TreeNode[];
}

export interface Column {
  readonly name: string;
  readonly dtype: string;
  readonly number: boolean;
}

export interface Range {
  readonly least: string;
  readonly greatest: string;
  readonly mean: string;
  readonly nans: number;
  /** Every how manieth value was looked at. */
  readonly step: number;
}

/** What is shown of a value, by kind; "none": nothing, for a reason. */
export interface Looks {
  readonly text: { head: string; tail: string; left_out: number; length: number; lines?: number; note?: string };
  readonly bytes: { length: number; start: string };
  readonly tree: { root: TreeNode };
  readonly table: {
    shape: readonly number[];
    columns: readonly Column[];
    index: readonly string[];
    index_name: string;
    /** Columns of cells. */
    cells: readonly (readonly string[])[];
  };
  readonly array: {
    shape: readonly number[];
    dtype: string;
    bytes: number;
    range: Range | null;
    corner: readonly (readonly string[])[];
  };
  readonly image: { media: string; about: string };
  readonly html: { html: string; left_out: number };
  readonly none: { reason: string };
}

interface LookOf<Kind extends keyof Looks> {
  readonly kind: Kind;
  readonly look: Readonly<Looks[Kind]> & { readonly type: string };
}

/** What is to be seen of a value; the picture of an image is in the buffer. */
export type Preview = {
  readonly v: 1;
  readonly op: "preview";
  readonly request: string;
  /** Who has shown it: a worker, the record, the store of results. */
  readonly where: string;
} & { readonly [Kind in keyof Looks]: LookOf<Kind> }[keyof Looks];

/** What kinds there are. */
export const LOOKS: Readonly<Record<keyof Looks, true>> = {
  text: true,
  bytes: true,
  tree: true,
  table: true,
  array: true,
  image: true,
  html: true,
  none: true,
};
