/** The window on a long list: which rows are in sight, also where the list is taller than an element may be. */

export interface Extent {
  readonly rows: number;
  readonly rowPx: number;
  /** Height of the window. */
  readonly viewPx: number;
}

/** Firefox stops at 17.8 million pixels. */
const TALLEST_PX = 8_000_000;

/** Height of the element that is scrolled through. */
export function heightPx({ rows, rowPx }: Extent): number {
  return Math.min(rows * rowPx, TALLEST_PX);
}

/** The row at the upper edge; a fraction where the edge cuts it. */
export function topRow(scrollTop: number, extent: Extent): number {
  return Math.max(0, scrollTop) * rowsPerPx(extent);
}

/** Where to scroll so that a row stands at the upper edge. */
export function scrollTopOf(row: number, extent: Extent): number {
  const most = Math.max(0, heightPx(extent) - extent.viewPx);
  return Math.min(most, Math.max(0, row) / rowsPerPx(extent));
}

/** Where to scroll so that a row is in sight, moving as little as possible. */
export function scrollTopFor(row: number, scrollTop: number, extent: Extent): number {
  const top = topRow(scrollTop, extent);
  const whole = extent.viewPx / extent.rowPx;
  if (row < top) return scrollTopOf(row, extent);
  return row + 1 > top + whole ? scrollTopOf(row + 1 - whole, extent) : scrollTop;
}

/** First row in sight and the row behind the last one, with some more on both sides. */
export function inSight(scrollTop: number, extent: Extent, more: number): readonly [first: number, end: number] {
  const top = topRow(scrollTop, extent);
  const first = Math.max(0, Math.floor(top) - more);
  return [first, Math.min(extent.rows, Math.ceil(top + extent.viewPx / extent.rowPx) + more)];
}

/** A list that is too tall moves by more than its rows are high. */
function rowsPerPx(extent: Extent): number {
  const { rows, rowPx, viewPx } = extent;
  const height = heightPx(extent);
  if (rows * rowPx <= height || height <= viewPx) return 1 / rowPx;
  return (rows - viewPx / rowPx) / (height - viewPx);
}
