/** Settings as fields of texts: what a person types, and what the server is told. */

export interface Field {
  readonly key: string;
  readonly label: string;
  /** `figure`: an exact decimal, sent as it was typed. `list`: names with commas between them. */
  readonly kind: "text" | "figure" | "integer" | "list" | "choice" | "many" | "yes_no";
  readonly choices?: readonly Choice[];
  readonly description?: string;
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** Texts by the keys of fields; an empty one says nothing. */
export type Draft = Readonly<Record<string, string>>;
export type Args = Readonly<Record<string, unknown>>;

const YES_NO: Readonly<Record<string, string>> = { true: "yes", false: "no" };

/** What the server answered, as texts. */
export function draftOf(fields: readonly Field[], answer: object | null | undefined): Draft {
  const known = new Map(Object.entries(answer ?? {}));
  return Object.fromEntries(fields.map(({ key }) => [key, textOf(known.get(key))]));
}

/** What was filled in, as the server wants it; what was not is left out. */
export function argsOf(fields: readonly Field[], draft: Draft): Args {
  const args: Record<string, unknown> = {};
  for (const field of fields) {
    const text = (draft[field.key] ?? "").trim();
    if (text !== "") args[field.key] = valueOf(field, text);
  }
  return args;
}

/** Names as one types them: `a, b`. */
export function namesIn(text: string): readonly string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function valueOf({ kind }: Field, text: string): unknown {
  switch (kind) {
    case "integer":
      return /^\d{1,15}$/.test(text) ? Number(text) : text; // the server says what it expected
    case "list":
    case "many":
      return namesIn(text);
    case "yes_no":
      return text === "yes";
    case "text":
    case "figure":
    case "choice":
      return text;
  }
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "boolean") return YES_NO[String(value)] ?? "";
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** What is to be said of *now* where *before* stood: the filled fields, and which to forget. */
export function changesOf(
  fields: readonly Field[],
  before: Draft,
  now: Draft,
): { readonly args: Args; readonly clear: readonly string[] } {
  const changed = fields.filter(({ key }) => before[key] !== now[key]);
  const clear = changed.filter(({ key }) => now[key]?.trim() === "").map(({ key }) => key);
  return { args: argsOf(changed, now), clear };
}
