/** What each kind of rule takes: protocol.md, `SetRule`. The server decides; this draws the form. */
import type { RuleAnswer, SetRuleArgs } from "rpcclient";

export type KindName = SetRuleArgs["kind"];

/** A key of `SetRule` that some kinds have and others have not. */
export type TermKey =
  | "at"
  | "until"
  | "timeZone"
  | "calendar"
  | "amount"
  | "action"
  | "instrument"
  | "dayStartsAt"
  | "times"
  | "everyMs"
  | "forMs"
  | "offsetTicks";

interface Kind {
  readonly name: string;
  readonly does: string;
  readonly needs: readonly TermKey[];
  readonly may: readonly TermKey[];
}

export const KINDS: Readonly<Record<KindName, Kind>> = {
  flatten_at: {
    name: "Flatten at a time",
    does: "Closes everything at a time of day, and again until it is flat or the second deadline has passed.",
    needs: ["at", "timeZone"],
    may: ["until", "calendar"],
  },
  daily_loss: {
    name: "Daily loss",
    does: "Acts when the equity at the day's start less the equity now reaches the amount.",
    needs: ["amount", "action"],
    may: ["dayStartsAt", "timeZone"],
  },
  drawdown: {
    name: "Drawdown",
    does: "Acts when the highest equity since then less the equity now reaches the amount.",
    needs: ["amount", "action"],
    may: [],
  },
  exposure: {
    name: "Exposure",
    does: "Acts when all positions at market, long and short together, reach the amount.",
    needs: ["amount", "action"],
    may: ["instrument"],
  },
  position: {
    name: "Position",
    does: "Acts when a position reaches so many units of its instrument.",
    needs: ["instrument", "amount", "action"],
    may: [],
  },
  retry: {
    name: "Retry of failed exits",
    does: "Closes again what a whole close is known to have left; never what is unknown.",
    needs: ["times", "everyMs", "forMs"],
    may: ["offsetTicks"],
  },
};

interface Term {
  readonly label: string;
  readonly hint?: string;
  /** How it is typed in; durations in seconds. */
  readonly input: "time" | "text" | "number" | "seconds" | "action" | "zone";
}

export const TERMS: Readonly<Record<TermKey, Term>> = {
  at: { label: "At", input: "time" },
  until: { label: "Second deadline", hint: "15 minutes later where none is given", input: "time" },
  timeZone: { label: "Time zone", hint: "Such as America/Chicago", input: "zone" },
  calendar: {
    label: "Exchange calendar",
    hint: "Such as CMES or XNYS; every day where none is given",
    input: "text",
  },
  amount: {
    label: "Amount",
    hint: "In the account's currency; of a position in units",
    input: "number",
  },
  action: { label: "What it does", input: "action" },
  instrument: { label: "Instrument", hint: "A root means every expiry", input: "text" },
  dayStartsAt: { label: "Day starts at", hint: "00:00 where nothing is given", input: "time" },
  times: { label: "How often", hint: "1 to 100", input: "number" },
  everyMs: { label: "Seconds between", hint: "After the end of the one before", input: "seconds" },
  forMs: { label: "Seconds in all", hint: "Since the first call", input: "seconds" },
  offsetTicks: {
    label: "Ticks beyond the touch",
    hint: "The n-th attempt is a limit n times so far beyond; as the call was where none is given",
    input: "number",
  },
};

export const ACTIONS: Readonly<Record<string, string>> = {
  alert: "Alert",
  halt: "Halt the account",
  flatten_and_lock: "Flatten the account and lock it",
};

export const KIND_NAMES = Object.keys(KINDS) as readonly KindName[];

export function nameOfKind(kind: string): string {
  return kind in KINDS ? KINDS[kind as KindName].name : kind.replaceAll("_", " ");
}

/** The terms that *kind* has, needed ones first. */
export function termsOf(kind: KindName): readonly TermKey[] {
  const { needs, may } = KINDS[kind];
  return [...needs, ...may];
}

/** What was typed into the form; empty texts say nothing. */
export interface Draft {
  readonly kind: KindName;
  readonly ruleId: string;
  readonly accounts: readonly string[];
  readonly reason: string;
  readonly terms: Readonly<Partial<Record<TermKey, string>>>;
}

/** The call that lays *draft* down. Amounts are sent as the texts they are. */
export function argsOf({ kind, ruleId, accounts, reason, terms }: Draft): SetRuleArgs {
  const said = termsOf(kind).flatMap((key) => {
    const text = terms[key]?.trim() ?? "";
    return text === "" ? [] : [[key, valueOf(key, text)] as const];
  });
  return {
    kind,
    reason: reason.trim(),
    ...(ruleId.trim() === "" ? {} : { ruleId: ruleId.trim() }),
    ...(accounts.length === 0 ? {} : { accounts }),
    ...(Object.fromEntries(said) as Partial<SetRuleArgs>),
  };
}

function valueOf(key: TermKey, text: string): string | number {
  if (key === "times" || key === "offsetTicks") return Number(text);
  if (key === "everyMs" || key === "forMs") return Math.round(Number(text) * 1000);
  return text;
}

/** The form of a rule that stands, to lay it down changed. */
export function draftOf(rule: RuleAnswer): Draft {
  const kind = rule.kind as KindName;
  const terms: Partial<Record<TermKey, string>> = {};
  for (const key of termsOf(kind)) {
    const value = rule[key];
    if (value === undefined) continue;
    terms[key] = String(key === "everyMs" || key === "forMs" ? Number(value) / 1000 : value);
  }
  const accounts = rule.accounts.includes("*") ? [] : rule.accounts; // of every account
  return { kind, ruleId: rule.ruleId, accounts, reason: rule.reason, terms };
}

/** What a rule does, in a line. */
export function sayRule(rule: RuleAnswer): string {
  const where = rule.instrument === undefined ? "" : ` in ${rule.instrument}`;
  const action = (ACTIONS[rule.action ?? ""] ?? rule.action ?? "").toLowerCase();
  switch (rule.kind as KindName) {
    case "flatten_at": {
      const days = rule.calendar === undefined ? "every day" : `on days of ${rule.calendar}`;
      return `At ${short(rule.at)} ${days}, until ${short(rule.until)}, ${rule.timeZone ?? ""}`;
    }
    case "daily_loss":
      return `${amountOf(rule)} lost since ${short(rule.dayStartsAt)} ${rule.timeZone ?? ""}: ${action}`;
    case "drawdown":
      return `${amountOf(rule)} below the highest: ${action}`;
    case "exposure":
      return `${amountOf(rule)} at market${where}: ${action}`;
    case "position":
      return `${amountOf(rule)} units${where}: ${action}`;
    case "retry": {
      const ticks =
        rule.offsetTicks === undefined ? "" : `, each ${String(rule.offsetTicks)} ticks further`;
      return `${String(rule.times ?? "–")} times, ${seconds(rule.everyMs)} apart, for ${seconds(rule.forMs)}${ticks}`;
    }
  }
}

function amountOf({ amount }: RuleAnswer): string {
  return amount === undefined ? "–" : amount.toLocaleString("en-US", { maximumFractionDigits: 8 });
}

function short(time: string | undefined): string {
  return time?.replace(/^(\d\d:\d\d):00$/, "$1") ?? "–";
}

function seconds(milliseconds: number | undefined): string {
  return milliseconds === undefined ? "–" : `${String(milliseconds / 1000)} s`;
}
