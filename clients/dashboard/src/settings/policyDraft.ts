/** The policy as texts, and what of it has changed. */
import type { PolicyAnswer } from "rpcclient";

import { argsOf, type Draft, draftOf, type Field } from "./fields.ts";
import { HOURS, RATES, RETENTION, RETRY, SIZES, THRESHOLDS } from "./words.ts";

export interface ListPart {
  readonly key: "rates" | "thresholds" | "hours" | "sizes";
  readonly title: string;
  readonly one: string;
  readonly fields: readonly Field[];
}

/** In the order of the form. */
export const LISTS: readonly ListPart[] = [
  { key: "thresholds", title: "What large exits need", one: "threshold", fields: THRESHOLDS },
  { key: "sizes", title: "How large new risk may be", one: "size", fields: SIZES },
  { key: "hours", title: "Closed markets", one: "rule", fields: HOURS },
  { key: "rates", title: "How often may be called", one: "rate", fields: RATES },
];

/** Everything of the policy as texts. */
export interface PolicyDraft {
  readonly lists: Readonly<Record<ListPart["key"], readonly Draft[]>>;
  readonly retry: Draft;
  readonly retention: Draft;
}

export function policyDraft(policy: PolicyAnswer): PolicyDraft {
  const rows = (fields: readonly Field[], answers: readonly object[]) =>
    answers.map((answer) => draftOf(fields, answer));
  return {
    lists: {
      rates: rows(RATES, policy.rates),
      thresholds: rows(THRESHOLDS, policy.thresholds),
      hours: rows(HOURS, policy.hours),
      sizes: rows(SIZES, policy.sizes),
    },
    retry: draftOf(RETRY, policy.retry),
    retention: draftOf(RETENTION, policy),
  };
}

/** Only what has changed: a list as a whole, and what is empty now is forgotten. */
export function policyChanges(
  before: PolicyDraft,
  now: PolicyDraft,
): Readonly<Record<string, unknown>> {
  const changes: Record<string, unknown> = {};
  const clear: string[] = [];
  const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  for (const { key, fields } of LISTS) {
    if (isSame(before.lists[key], now.lists[key])) continue;
    const rows = now.lists[key].map((row) => argsOf(fields, row));
    if (rows.length > 0) changes[key] = rows;
    else clear.push(key);
  }
  if (!isSame(before.retry, now.retry)) {
    const retry = argsOf(RETRY, now.retry);
    if (Object.keys(retry).length > 0) changes["retry"] = retry;
    else clear.push("retry");
  }
  if (!isSame(before.retention, now.retention)) {
    const args = argsOf(RETENTION, now.retention);
    if (Object.keys(args).length > 0) Object.assign(changes, args);
    else clear.push("retentionDays");
  }
  return clear.length > 0 ? { ...changes, clear } : changes;
}
