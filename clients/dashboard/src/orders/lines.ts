/** Orders as a table shows them, whether a channel told of them or a question was answered. */
import type { OrderAnswer, OrderItem } from "rpcclient";

export interface OrderLine {
  readonly key: string;
  /** What `CancelOrder` and `GetOrderLifecycle` take: ours where there is one. */
  readonly orderId: string;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: string;
  readonly type: string;
  readonly status: string;
  readonly quantity: string;
  readonly filled: string;
  readonly averagePrice: string | undefined;
  readonly limitPrice: string | undefined;
  readonly stopPrice: string | undefined;
  readonly reduceOnly: boolean;
  readonly tag: string;
  readonly detail: string;
  /** In milliseconds since the epoch. */
  readonly at: number;
}

const WORKING = new Set(["accepted", "partially_filled"]);

const STATUS_WORDS: Readonly<Record<string, string>> = {
  accepted: "Working",
  partially_filled: "Partly filled",
  filled: "Filled",
  canceled: "Canceled",
  expired: "Expired",
  rejected: "Rejected",
};

const TYPE_WORDS: Readonly<Record<string, string>> = {
  market: "Market",
  limit: "Limit",
  stop: "Stop",
  stop_market: "Stop",
  stop_limit: "Stop limit",
};

/** CrossTrade's words for where an order is, in the channel's. */
const STATES: Readonly<Record<string, string>> = {
  Working: "accepted",
  PartFilled: "partially_filled",
  Filled: "filled",
  Cancelled: "canceled",
  Rejected: "rejected",
};

const TYPES: Readonly<Record<string, string>> = { StopMarket: "stop", StopLimit: "stop_limit" };

export function isWorking({ status }: { readonly status: string }): boolean {
  return WORKING.has(status);
}

export function statusWord(status: string): string {
  return STATUS_WORDS[status] ?? status.replaceAll("_", " ");
}

export function typeWord(type: string): string {
  return TYPE_WORDS[type] ?? type.replaceAll("_", " ");
}

export function lineOfItem(item: OrderItem): OrderLine {
  return {
    key: `${item.venue}:${item.orderId}`,
    orderId: item.clientOrderId ?? item.orderId,
    venue: item.venue,
    account: item.account,
    instrument: item.instrument,
    side: item.side,
    type: item.type,
    status: item.status,
    quantity: item.quantity,
    filled: item.filled,
    averagePrice: item.averagePrice,
    limitPrice: item.limitPrice,
    stopPrice: item.stopPrice,
    reduceOnly: item.reduceOnly === true,
    tag: item.tag ?? "",
    detail: item.detail ?? item.rejectReason ?? "",
    at: Date.parse(item.updatedAt),
  };
}

/** CrossTrade writes 0 where there is no price. */
export function lineOfAnswer(answer: OrderAnswer): OrderLine {
  const price = (value: number) => (value === 0 ? undefined : String(value));
  return {
    key: `${answer.venue}:${answer.venueOrderId}`,
    orderId: answer.orderId,
    venue: answer.venue,
    account: answer.account,
    instrument: answer.instrument,
    side: answer.orderAction.toLowerCase(),
    type: TYPES[answer.orderType] ?? answer.orderType.toLowerCase(),
    status: STATES[answer.orderState] ?? answer.orderState.toLowerCase(),
    quantity: String(answer.quantity),
    filled: String(answer.filled),
    averagePrice: price(answer.averageFillPrice),
    limitPrice: price(answer.limitPrice),
    stopPrice: price(answer.stopPrice),
    reduceOnly: answer.reduceOnly,
    tag: answer.tag ?? "",
    detail: answer.detail || (answer.rejectReason ?? ""),
    at: answer.epoch,
  };
}

/** One line an order; what a channel told is newer than any answer. */
export function merged(
  told: readonly OrderLine[],
  answered: readonly OrderLine[],
): readonly OrderLine[] {
  const lines = new Map(answered.map((line) => [line.key, line]));
  for (const line of told) lines.set(line.key, line);
  return [...lines.values()];
}

/** The price it waits for: `5,700.00`, `stop 5,800.00`, or both. */
export function priceOf(line: OrderLine, format: (value: number) => string): string {
  const limit = line.limitPrice === undefined ? "" : format(Number(line.limitPrice));
  const stop = line.stopPrice === undefined ? "" : `stop ${format(Number(line.stopPrice))}`;
  return [stop, limit].filter(Boolean).join(" · ");
}

/** `Buy 2 MES 12-25, limit 5,700.00, in Sim101`. */
export function describeOrder(line: OrderLine, format: (value: number) => string): string {
  const price = priceOf(line, format);
  const how = [typeWord(line.type).toLowerCase(), price.replace(/^stop /, "")].join(" ").trim();
  const side = line.side === "buy" ? "Buy" : "Sell";
  return `${side} ${line.quantity} ${line.instrument}, ${how}, in ${line.account}`;
}
