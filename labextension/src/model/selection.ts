/** What is looked at: a group, and one of its elements or all of them. All panes of a view share one. */
export interface Selection {
  readonly group: string;
  readonly index: number | null;
}
