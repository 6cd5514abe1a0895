/** An order before it is sent. Figures are the texts that a person typed: never rounded, never guessed. */
import type { PlaceOrderArgs } from "rpcclient";

export type OrderType = PlaceOrderArgs["orderType"];

export interface Draft {
  /** `venue:account`. */
  readonly account: string;
  readonly instrument: string;
  readonly action: "buy" | "sell";
  readonly orderType: OrderType;
  readonly quantity: string;
  readonly limitPrice: string;
  readonly stopPrice: string;
  readonly timeInForce: "day" | "gtc" | "ioc" | "fok";
  readonly reduceOnly: boolean;
  /** Empty: any. */
  readonly requireMarketPosition: "" | "flat" | "long" | "short";
  readonly tag: string;
}

export const EMPTY: Draft = {
  account: "",
  instrument: "",
  action: "buy",
  orderType: "MARKET",
  quantity: "",
  limitPrice: "",
  stopPrice: "",
  timeInForce: "day",
  reduceOnly: false,
  requireMarketPosition: "",
  tag: "",
};

export function needsLimit(type: OrderType): boolean {
  return type === "LIMIT" || type === "STOPLIMIT";
}

export function needsStop(type: OrderType): boolean {
  return type === "STOPMARKET" || type === "STOPLIMIT";
}

/** What is missing or no figure, by the field it stands in; the server checks all the rest. */
export function problemsOf(draft: Draft): Readonly<Partial<Record<keyof Draft, string>>> {
  const problems: Partial<Record<keyof Draft, string>> = {};
  if (draft.account === "") problems.account = "Choose an account";
  if (draft.instrument.trim() === "") problems.instrument = "Name an instrument";
  if (!isAmount(draft.quantity)) problems.quantity = "A figure above zero";
  if (needsLimit(draft.orderType) && !isAmount(draft.limitPrice)) {
    problems.limitPrice = "A price above zero";
  }
  if (needsStop(draft.orderType) && !isAmount(draft.stopPrice)) {
    problems.stopPrice = "A price above zero";
  }
  return problems;
}

export function argsOf(draft: Draft): PlaceOrderArgs {
  return {
    account: draft.account,
    instrument: draft.instrument.trim(),
    action: draft.action,
    quantity: draft.quantity.trim(),
    orderType: draft.orderType,
    timeInForce: draft.timeInForce,
    ...(needsLimit(draft.orderType) ? { limitPrice: draft.limitPrice.trim() } : {}),
    ...(needsStop(draft.orderType) ? { stopPrice: draft.stopPrice.trim() } : {}),
    ...(draft.reduceOnly ? { reduceOnly: true } : {}),
    ...(draft.requireMarketPosition === ""
      ? {}
      : { requireMarketPosition: draft.requireMarketPosition }),
    ...(draft.tag.trim() === "" ? {} : { tag: draft.tag.trim() }),
  };
}

/** What the button says that sends it: `Buy 2 MES 12-25 at 5700`. */
export function wordsOf(draft: Draft): string {
  const verb = draft.action === "buy" ? "Buy" : "Sell";
  const what = [verb, draft.quantity.trim(), draft.instrument.trim()].filter(Boolean).join(" ");
  const prices = [
    needsStop(draft.orderType) && draft.stopPrice !== "" ? `stop ${draft.stopPrice.trim()}` : "",
    needsLimit(draft.orderType) && draft.limitPrice !== "" ? `at ${draft.limitPrice.trim()}` : "",
  ].filter(Boolean);
  if (draft.orderType === "MARKET") prices.push("at market");
  return [what, ...prices].join(" ");
}

function isAmount(text: string): boolean {
  return /^\d{1,18}(\.\d{1,18})?$/.test(text.trim()) && /[1-9]/.test(text);
}
