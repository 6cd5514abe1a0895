/** Which field of a form a complaint is about. */
import { type ClientError, RpcError } from "rpcclient";

import { explain } from "../desk/hooks.ts";

export interface Complaint<Field extends string> {
  /** Undefined: it is about the whole. */
  readonly field: Field | undefined;
  readonly text: string;
}

/** Codes that name no field in their words, and the field that they are about. */
const ABOUT: Readonly<Record<string, readonly string[]>> = {
  unknown_account: ["account", "accounts"],
  ambiguous_account: ["account", "accounts"],
  unknown_instrument: ["instrument"],
  ambiguous_instrument: ["instrument"],
  unknown_venue: ["venue"],
  ambiguous_venue: ["venue"],
  unknown_user: ["user"],
  token_exists: ["principal"],
};

/** Why the server said no, and to which of *fields*: its words begin with a key, `until: …`. */
export function complaintOf<Field extends string>(
  error: ClientError,
  fields: readonly Field[],
): Complaint<Field> {
  const text = explain(error);
  const [, key = "", rest = ""] = /^(\w+): (.*)$/s.exec(text) ?? [];
  const named = fields.find((field) => field === key);
  if (named !== undefined) return { field: named, text: rest };
  const about = error instanceof RpcError ? (ABOUT[error.code] ?? []) : [];
  return { field: fields.find((field) => about.includes(field)), text };
}

/** What stands beside *field*; undefined where the complaint is not about it. */
export function errorAt<Field extends string>(
  complaint: Complaint<Field> | undefined,
  field: Field,
): string | undefined {
  return complaint?.field === field ? complaint.text : undefined;
}
