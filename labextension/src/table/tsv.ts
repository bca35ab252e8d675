/** Rows as text with tabs, which spreadsheets and pandas read. */

/** A field with a tab or a line end would become two; one that begins like a formula would be executed by some. */
export function tsvField(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const flat = value.replace(/[\t\r\n\v\f]+/g, " ");
  return /^[=+\-@]/.test(flat) ? `'${flat}` : flat;
}

export function tsv(heads: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  return [heads, ...rows].map((row) => row.map(tsvField).join("\t")).join("\n") + "\n";
}
