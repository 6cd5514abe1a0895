/** The steps of an order's life, as a person reads them. */
import type { EventAnswer } from "rpcclient";

import { statusWord } from "./lines.ts";

export interface Step {
  readonly title: string;
  readonly detail: string;
  /** How it stands out: nobody knows, it is at its end, or neither. */
  readonly tone: "unsure" | "end" | "bad" | "plain";
}

const STATE_WORDS: Readonly<Record<string, string>> = {
  Working: "working",
  PartFilled: "partly filled",
  Filled: "filled",
  Cancelled: "canceled",
  Rejected: "rejected",
  NeverExisted: "never reached the venue",
  Unsent: "never left the server",
  Unknown: "unknown",
};

const SOURCES: Readonly<Record<string, string>> = {
  api_received: "a client",
  operation: "an exit",
  venue: "the venue",
  person: "a person",
};

export function sourceWord(source: string): string {
  return SOURCES[source] ?? source;
}

export function stepOf(event: EventAnswer): Step {
  const state = event.orderState === null ? "" : wordOf(event.orderState);
  const detail = [amount(event), event.detail].filter(Boolean).join(" · ");
  switch (event.event) {
    case "PlaceOrder":
      return { title: "Asked for by a client", detail, tone: "plain" };
    case "ClosingOrder":
      return { title: "Sent by an exit", detail, tone: "plain" };
    case "Change":
      return { title: "To be changed", detail, tone: "plain" };
    case "ChangeWithdrawn":
      return { title: "The change never left", detail, tone: "plain" };
    case "Cancel":
      return { title: "To be canceled", detail, tone: "plain" };
    case "ExecutionUpdate":
      return { title: capital(state), detail, tone: toneOf(event.orderState) };
    case "NoAnswer":
      return { title: "UNKNOWN: sent, and no answer came", detail, tone: "unsure" };
    case "ResolveOrder":
      return { title: "A person said what became of it", detail, tone: "plain" };
    case "OrderState":
      return { title: `Now, at the venue: ${state}`, detail, tone: toneOf(event.orderState) };
    default:
      return { title: capital(state || event.event), detail, tone: toneOf(event.orderState) };
  }
}

function wordOf(state: string): string {
  return STATE_WORDS[state] ?? statusWord(state).toLowerCase();
}

function toneOf(state: string | null): Step["tone"] {
  switch (state) {
    case "Filled":
    case "Cancelled":
    case "NeverExisted":
    case "Unsent":
      return "end";
    case "Rejected":
      return "bad";
    case "Unknown":
      return "unsure";
    default:
      return "plain";
  }
}

function amount({
  quantity,
  filled,
  averageFillPrice,
  limitPrice,
  stopPrice,
}: EventAnswer): string {
  const parts: string[] = [];
  if (filled !== undefined && quantity !== undefined) parts.push(`${filled} of ${quantity} filled`);
  else if (quantity !== undefined) parts.push(`quantity ${quantity}`);
  if (averageFillPrice !== undefined && averageFillPrice !== 0) {
    parts.push(`average ${averageFillPrice}`);
  }
  if (stopPrice !== undefined && stopPrice !== 0) parts.push(`stop ${stopPrice}`);
  if (limitPrice !== undefined && limitPrice !== 0) parts.push(`limit ${limitPrice}`);
  return parts.join(" · ");
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
