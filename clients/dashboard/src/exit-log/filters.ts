/** What of the exit log is asked for. It lives in the address, so that a view has a link. */
import type { QueryAuditArgs } from "rpcclient";

/** Texts as they were typed; empty ones narrow nothing. */
export interface Filters {
  readonly user: string;
  readonly strategy: string;
  readonly instrument: string;
  readonly account: string;
  readonly outcome: string;
  /** Of this machine's clock, such as `2025-11-20T15:00`. */
  readonly from: string;
  readonly until: string;
}

export const NO_FILTERS: Filters = {
  user: "",
  strategy: "",
  instrument: "",
  account: "",
  outcome: "",
  from: "",
  until: "",
};

export const OUTCOMES = [
  "flat",
  "reduced",
  "dust",
  "partial",
  "rejected",
  "waiting_market",
  "unknown",
  "excluded",
  "cancelled",
] as const;

type Outcome = (typeof OUTCOMES)[number];

const NAMES = Object.keys(NO_FILTERS) as readonly (keyof Filters)[];

/** Of the part of an address behind `#/exit-log/`. */
export function filtersOf(subject: string): Filters {
  const given = new URLSearchParams(subject);
  return Object.fromEntries(NAMES.map((name) => [name, given.get(name) ?? ""])) as {
    [Name in keyof Filters]: string;
  };
}

/** The part of an address that says the same as *filters*. */
export function subjectOf(filters: Partial<Filters>): string {
  const said = new URLSearchParams();
  for (const name of NAMES) {
    const text = filters[name]?.trim() ?? "";
    if (text !== "") said.set(name, text);
  }
  return said.toString();
}

/** What the server is asked; what is no outcome or no time is left out. */
export function queryOf(filters: Filters): QueryAuditArgs {
  const { outcome } = filters;
  const args: { -readonly [Key in keyof QueryAuditArgs]: QueryAuditArgs[Key] } = {};
  for (const name of ["user", "strategy", "instrument", "account"] as const) {
    const text = filters[name].trim();
    if (text !== "") args[name] = text;
  }
  if (isOutcome(outcome)) args.outcome = outcome;
  const since = instantOf(filters.from);
  const until = instantOf(filters.until);
  if (since !== undefined) args.since = since;
  if (until !== undefined) args.until = until;
  return args;
}

function isOutcome(text: string): text is Outcome {
  return (OUTCOMES as readonly string[]).includes(text);
}

function instantOf(local: string): string | undefined {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** Where this machine's clock stands, `Europe/Berlin, UTC+01:00`: times mean nothing without it. */
export function zoneOf(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  const sign = minutes < 0 ? "-" : "+";
  const two = (part: number) => String(Math.floor(Math.abs(part))).padStart(2, "0");
  const offset = `UTC${sign}${two(minutes / 60)}:${two(minutes % 60)}`;
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return timeZone === "UTC" ? "UTC" : `${timeZone}, ${offset}`;
}
