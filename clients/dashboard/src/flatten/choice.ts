/**
 * What a person chose to close, and the call that says it.
 *
 * Texts are kept as they were typed and sent as they were typed: no figure is computed here in a
 * way that could change it. What the call does not say is left to preferences, policy and
 * defaults, and the plan tells what that came to.
 */
import type { FlattenArgs, LadderArg } from "rpcclient";

import type { PositionRow } from "../desk/positions.ts";
import type { Aim } from "./aim.ts";

/** `filters`: what matches all of them; `preferred`: the scope of the caller's preferences. */
export type Reach = "filters" | "everything" | "preferred";
export type Amount = "all" | "percent" | "quantity";
/** `preferred`: as the caller's preferences say, or at market. */
export type Execution = "market" | "ladder" | "preferred";

/** One step of a ladder, as it is typed. */
export interface Rung {
  readonly key: number;
  readonly type: "limit" | "market";
  readonly offsetTicks: string;
  readonly afterSeconds: string;
}

export interface Choice {
  readonly reach: Reach;
  readonly accounts: readonly string[];
  readonly instruments: readonly string[];
  readonly side: "any" | "long" | "short";
  readonly venue: string;
  readonly strategyTag: string;
  readonly pnl: "any" | "winners" | "losers";
  readonly exclude: readonly string[];
  readonly amount: Amount;
  readonly percent: string;
  readonly quantity: string;
  readonly execution: Execution;
  readonly ladder: readonly Rung[];
  /** "" where preferences, policy and defaults decide. */
  readonly onFence: "" | "uncontested" | "wait" | "override";
  readonly dust: "" | "close" | "leave";
  readonly waitForOpen: "" | "yes" | "no";
  readonly deadlineSeconds: string;
  readonly reason: string;
  readonly breakGlass: boolean;
}

export const NOTHING_CHOSEN: Choice = {
  reach: "filters",
  accounts: [],
  instruments: [],
  side: "any",
  venue: "",
  strategyTag: "",
  pnl: "any",
  exclude: [],
  amount: "all",
  percent: "50",
  quantity: "",
  execution: "market",
  ladder: [
    { key: 1, type: "limit", offsetTicks: "0", afterSeconds: "0" },
    { key: 2, type: "limit", offsetTicks: "4", afterSeconds: "3" },
    { key: 3, type: "market", offsetTicks: "0", afterSeconds: "8" },
  ],
  onFence: "",
  dust: "",
  waitForOpen: "",
  deadlineSeconds: "",
  reason: "",
  breakGlass: false,
};

export const RUNGS_MAX = 10;
const REASON_MAX = 1000;

/** A call that can be planned. */
export type Asking =
  | { readonly api: "Flatten"; readonly args: FlattenArgs }
  | { readonly api: "FlattenEverything"; readonly args: FlattenArgs };

/** Either a call, or what is missing before there is one. */
export type Wanted = Asking | { readonly api: undefined; readonly problem: string };

/** The narrowest filters that reach what *aim* is aimed at. */
export function choiceOf(aim: Aim, positions: readonly PositionRow[]): Choice {
  const ids = new Set(aim.positionIds ?? []);
  const rows = positions.filter((row) => ids.has(row.positionId));
  const accounts = distinct(rows.map((row) => `${row.venue}:${row.account}`));
  const instruments = distinct(rows.map((row) => row.instrument));
  const [side, ...otherSides] = distinct(rows.map((row) => row.side));
  return {
    ...NOTHING_CHOSEN,
    accounts: accounts.length > 0 ? accounts : listOf(aim.account),
    instruments: instruments.length > 0 ? instruments : listOf(aim.instrument),
    side: side === undefined || side === "flat" || otherSides.length > 0 ? "any" : side,
  };
}

/** The call that *choice* stands for; its reason and deadline are added when it is made. */
export function wantedOf(choice: Choice): Wanted {
  if (choice.reach === "everything") {
    if (choice.amount === "quantity")
      return problem("A quantity needs filters: choose accounts or instruments.");
    const how = howOf(choice);
    return typeof how === "string" ? problem(how) : { api: "FlattenEverything", args: how };
  }
  const filters =
    choice.reach === "preferred" ? { scope: "preferred" as const } : filtersOf(choice);
  if (Object.keys(filters).length === 0)
    return problem("Choose what to close: an account, an instrument, a side…");
  const how = howOf(choice);
  if (typeof how === "string") return problem(how);
  // Only where the form shows it: nothing is left alone unseen.
  const isNarrowed = choice.reach === "filters" && choice.exclude.length > 0;
  const exclude = isNarrowed ? { exclude: choice.exclude } : {};
  return { api: "Flatten", args: { ...filters, ...exclude, ...how } };
}

/** How many of the rarely said fields are set, and have a say in the call. */
export function furtherOf(choice: Choice): number {
  const { venue, strategyTag, pnl, exclude, onFence, dust, waitForOpen, deadlineSeconds } = choice;
  const isNarrowing = [venue !== "", strategyTag.trim() !== "", pnl !== "any", exclude.length > 0];
  const isOfTheWay = [onFence, dust, waitForOpen, deadlineSeconds.trim()].map(
    (said) => said !== "",
  );
  const set = [...isOfTheWay, choice.breakGlass];
  if (choice.reach === "filters") set.push(...isNarrowing);
  return set.filter(Boolean).length;
}

/** What a press says beside its plan. */
export function remarksOf(
  choice: Choice,
): Pick<FlattenArgs, "reason" | "deadlineMs" | "breakGlass"> {
  const deadlineMs = shifted(choice.deadlineSeconds.trim(), 3);
  return {
    ...(choice.reason.trim() === "" ? {} : { reason: choice.reason.trim() }),
    ...(deadlineMs === undefined ? {} : { deadlineMs: Number(deadlineMs) }),
    ...(choice.breakGlass ? { breakGlass: true } : {}),
  };
}

/** What keeps a press from being made although it can be planned. */
export function remarkProblem(choice: Choice): string | undefined {
  if (choice.reason.length > REASON_MAX)
    return `The reason is too long: at most ${REASON_MAX} characters.`;
  if (choice.breakGlass && choice.reason.trim() === "") return "Going alone needs a reason.";
  if (choice.onFence === "override" && choice.reason.trim() === "") {
    return "Overriding the fence needs a reason.";
  }
  const deadline = choice.deadlineSeconds.trim();
  if (deadline === "") return undefined;
  const milliseconds = Number(shifted(deadline, 3) ?? NaN);
  if (Number.isInteger(milliseconds) && milliseconds >= 1 && milliseconds <= 86_400_000)
    return undefined;
  return "The deadline is a number of seconds, at most a day.";
}

/** The scope in a few words, for a heading or a line. */
export function describe(api: string, args: Readonly<Record<string, unknown>>): string {
  if (api === "FlattenEverything") return "Everything";
  const told = [
    "account",
    "accounts",
    "instrument",
    "instruments",
    "venue",
    "marketPosition",
    "strategyTag",
    "pnl",
  ].flatMap((name) => wordsOf(args[name]));
  if (args["scope"] === "preferred") told.push("preferred scope");
  if (told.length === 0) return api;
  return told.length > 4
    ? `${told.slice(0, 3).join(", ")} and ${told.length - 3} more`
    : told.join(", ");
}

function filtersOf(choice: Choice): FlattenArgs {
  const { accounts, instruments, side, venue, strategyTag, pnl } = choice;
  return {
    ...(accounts.length > 0 ? { accounts } : {}),
    ...(instruments.length > 0 ? { instruments } : {}),
    ...(side === "any" ? {} : { marketPosition: side }),
    ...(venue === "" ? {} : { venue }),
    ...(strategyTag.trim() === "" ? {} : { strategyTag: strategyTag.trim() }),
    ...(pnl === "any" ? {} : { pnl }),
  };
}

function howOf(choice: Choice): FlattenArgs | string {
  const amount = amountOf(choice);
  if (typeof amount === "string") return amount;
  const execution = executionOf(choice);
  if (typeof execution === "string") return execution;
  return {
    ...amount,
    ...execution,
    ...(choice.onFence === "" ? {} : { onFence: choice.onFence }),
    ...(choice.dust === "" ? {} : { dust: choice.dust }),
    ...(choice.waitForOpen === "" ? {} : { waitForOpen: choice.waitForOpen === "yes" }),
  };
}

function amountOf({ amount, percent, quantity }: Choice): FlattenArgs | string {
  switch (amount) {
    case "all":
      return {};
    case "percent": {
      const fraction = shifted(percent.trim(), -2);
      if (fraction === undefined || !(Number(fraction) > 0 && Number(fraction) <= 1)) {
        return "The part is a number of percent: above 0, at most 100.";
      }
      return { fraction };
    }
    case "quantity":
      if (shifted(quantity.trim(), 0) === undefined || !(Number(quantity) > 0)) {
        return "The quantity is a number above 0.";
      }
      return { quantity: quantity.trim() };
  }
}

function executionOf({ execution, ladder }: Choice): FlattenArgs | string {
  // At market is said aloud: preferences could say otherwise.
  if (execution === "market") return { ladder: [{ type: "market" }] };
  if (execution === "preferred") return {};
  const steps: LadderArg[] = [];
  for (const [index, rung] of ladder.entries()) {
    const afterMs = Number(shifted(rung.afterSeconds.trim(), 3) ?? NaN);
    const offsetTicks = rung.type === "market" ? 0 : integerOf(rung.offsetTicks);
    const before = steps.at(-1)?.afterMs ?? -1;
    if (offsetTicks === undefined)
      return `Step ${index + 1}: ticks are a whole number, such as 0, 4 or -2.`;
    if (!Number.isInteger(afterMs)) return `Step ${index + 1}: its time is a number of seconds.`;
    if (index === 0 && afterMs !== 0) return "The first step begins after 0 seconds.";
    if (afterMs <= before) return `Step ${index + 1} must begin later than the one before.`;
    steps.push({ type: rung.type, offsetTicks, afterMs });
  }
  return steps.length === 0 ? "A ladder has at least one step." : { ladder: steps };
}

function problem(text: string): Wanted {
  return { api: undefined, problem: text };
}

function integerOf(text: string): number | undefined {
  return /^-?\d{1,5}$/.test(text.trim()) ? Number(text) : undefined;
}

/** *text* with its decimal point moved right by *places*, digit for digit; undefined: no number. */
export function shifted(text: string, places: number): string | undefined {
  const found = /^(\d{1,12})(?:\.(\d{1,12}))?$/.exec(text);
  if (found === null) return undefined;
  const [, whole = "", decimals = ""] = found;
  const digits = `${"0".repeat(Math.max(0, -places))}${whole}${decimals}${"0".repeat(Math.max(0, places))}`;
  const point = digits.length - Math.max(0, places) - decimals.length + places;
  const left = digits.slice(0, point).replace(/^0+(?=\d)/, "");
  const right = digits.slice(point).replace(/0+$/, "");
  return right === "" ? left : `${left}.${right}`;
}

function distinct<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)];
}

function listOf(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}

function wordsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.map(String) : [];
}
