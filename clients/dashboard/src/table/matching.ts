/** Which rows a text finds, and in which order texts stand. */
import type { Column } from "./column.ts";

/** The rows of which every word of *text* is found in some column, whatever the case. */
export function matching<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  text: string,
): readonly Row[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const said = columns.map((column) => column.value(row) ?? "").join("\n");
    const lower = said.toLowerCase();
    return words.every((word) => lower.includes(word));
  });
}

const KEYS_MAX = 50_000;
const keys = new Map<string, string>();

/** A key by which texts sort as people count: `Sim2` before `Sim10`. Kept: it is asked for often. */
export function naturalKey(text: string): string {
  const known = keys.get(text);
  if (known !== undefined) return known;
  if (keys.size >= KEYS_MAX) keys.clear();
  const key = text.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(16, "0"));
  keys.set(text, key);
  return key;
}
