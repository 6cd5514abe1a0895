/**
 * What a leg spent its time on, from its steps: the bars of a timeline, and the same in words.
 *
 * Times are milliseconds since the epoch, by the server's clock; where that went back between two
 * steps, time stands still here. `to` is undefined for what goes on.
 */
import type { ProgressEvent, ProgressFrame } from "rpcclient";

import { verdictOf } from "../words/outcomes.ts";
import type { LegStory } from "./story.ts";

/**
 * `cancel`: until the last order that stood in the way is proven gone; `fence`: until those left
 * hold nothing up any more; `send`: an order is on its way; `rest`: the venue has it; `fill`: from
 * its first fill to its last; `unknown`: no answer came, it counts as alive; `verify`: nothing of
 * ours is alive, the venue is read.
 */
export type SpanKind = "cancel" | "fence" | "send" | "rest" | "fill" | "unknown" | "verify";

export interface Span {
  readonly kind: SpanKind;
  readonly from: number;
  readonly to: number | undefined;
}

/** One moment of a leg that is no span. */
export interface Mark {
  readonly event: ProgressEvent;
  readonly at: number;
}

export interface LegSpans {
  readonly spans: readonly Span[];
  readonly marks: readonly Mark[];
  readonly from: number;
  /** Undefined while the leg is at work. */
  readonly to: number | undefined;
}

const ORDER_ENDS: ReadonlySet<ProgressEvent> = new Set([
  "canceled",
  "expired",
  "rejected",
  "never_existed",
  "unsent",
  "resolved",
]);
const MARKED: ReadonlySet<ProgressEvent> = new Set([
  "rejected",
  "position_adopted",
  "resolved",
  "gate_closed",
  "gate_opened",
]);

type Open = { -readonly [Key in keyof Span]: Span[Key] };

/** One pass over the steps of one leg. */
class Weaver {
  readonly spans: Open[] = [];
  readonly marks: Mark[] = [];
  readonly #orders = new Map<string, Open>(); // what each order of ours is at
  #cancel: Open | undefined;
  #fence: Open | undefined;
  #idle: number | undefined; // since when nothing of ours is alive
  #now = 0;

  /** Returns whether the leg has ended. */
  take(step: ProgressFrame): boolean {
    this.#now = Math.max(this.#now, Date.parse(step.at));
    if (MARKED.has(step.event)) this.marks.push({ event: step.event, at: this.#now });
    const order = step.orderId ?? "";
    switch (step.event) {
      case "canceling":
        this.#cancel ??= this.#begin("cancel");
        this.#fence ??= this.#begin("fence");
        break;
      case "fence_passed":
        if (this.#fence !== undefined) this.#fence.to ??= this.#now;
        break;
      case "sending": // again, perhaps: the same order may be sent after no answer came
        this.#idle = undefined;
        this.#turn(order, "send");
        break;
      case "working":
        if (this.#orders.has(order)) this.#turn(order, "rest");
        break;
      case "filled":
        if (this.#orders.has(order)) this.#fill(order, step);
        break;
      case "unknown":
        this.#turn(order, "unknown");
        break;
      case "leg_ended":
        this.#end();
        return true;
      default:
        if (ORDER_ENDS.has(step.event)) this.#endOrder(order);
    }
    return false;
  }

  #begin(kind: SpanKind, from = this.#now): Open {
    const span: Open = { kind, from, to: undefined };
    this.spans.push(span);
    return span;
  }

  #turn(order: string, kind: SpanKind): Open {
    const before = this.#orders.get(order);
    if (before?.kind === kind) return before;
    if (before !== undefined) before.to ??= this.#now;
    const span = this.#begin(kind);
    this.#orders.set(order, span);
    return span;
  }

  #fill(order: string, { filled, quantity }: ProgressFrame): void {
    const span = this.#turn(order, "fill");
    if (filled === quantity) {
      span.to = this.#now;
      this.#forget(order);
    }
  }

  #endOrder(order: string): void {
    const span = this.#orders.get(order);
    if (span !== undefined) {
      span.to ??= this.#now;
      this.#forget(order);
    } else if (this.#cancel !== undefined) {
      this.#cancel.to = this.#now; // somebody else's, which stood in the way
    }
  }

  #forget(order: string): void {
    this.#orders.delete(order);
    if (this.#orders.size === 0) this.#idle = this.#now;
  }

  #end(): void {
    for (const span of this.spans) span.to ??= this.#now;
    const from = this.#idle;
    if (from !== undefined) this.spans.push({ kind: "verify", from, to: this.#now });
    this.#orders.clear();
  }

  /** What is at work when there is nothing more to tell yet. */
  rest(): void {
    if (this.#idle !== undefined) this.#begin("verify", this.#idle);
  }

  get now(): number {
    return this.#now;
  }
}

export function spansOf(steps: readonly ProgressFrame[]): LegSpans {
  const weaver = new Weaver();
  let to: number | undefined;
  for (const step of steps) {
    const isEnd = weaver.take(step);
    if (isEnd) to = weaver.now;
  }
  if (to === undefined) weaver.rest();
  const first = steps[0];
  return {
    spans: weaver.spans,
    marks: weaver.marks,
    from: first === undefined ? 0 : Date.parse(first.at),
    to,
  };
}

const SAID: Readonly<Record<SpanKind, string>> = {
  cancel: "canceling orders",
  fence: "held up by them",
  send: "on its way",
  rest: "at the venue",
  fill: "filling",
  unknown: "without an answer",
  verify: "verifying",
};

/** What a kind of span is called. */
export function sayKind(kind: SpanKind): string {
  return SAID[kind];
}

/** The timeline of a leg in words; *say* writes a length of time, *since* is where it begins. */
export function tellLeg(
  leg: Pick<LegStory, "outcome" | "steps">,
  since: number,
  say: (milliseconds: number) => string,
): string {
  const { spans, to } = spansOf(leg.steps);
  const parts = spans
    .filter((span) => span.to === undefined || span.to > span.from)
    .map(({ kind, from, to: end }) =>
      end === undefined ? `${SAID[kind]} now` : `${SAID[kind]} for ${say(end - from)}`,
    );
  if (to !== undefined && leg.outcome !== undefined) {
    parts.push(`${verdictOf(leg.outcome).word} after ${say(to - since)}`);
  }
  return parts.length === 0 ? "nothing sent yet" : parts.join(", ");
}

const AT: Partial<Record<ProgressEvent, string>> = {
  canceling: "canceling orders",
  fence_passed: "orders canceled",
  sending: "sent",
  working: "at the venue",
  filled: "filling",
  unknown: "no answer: asking",
  canceled: "order canceled",
  expired: "order expired",
  rejected: "refused by the venue",
  never_existed: "order never arrived",
  unsent: "order not sent",
  position_adopted: "position re-read",
  resolved: "resolved by a person",
  gate_closed: "order still unknown",
  gate_opened: "order settled",
};

/** What a leg that has not ended is at. */
export function sayState(leg: LegStory | undefined): string {
  const last = leg?.steps.at(-1);
  if (leg === undefined || last === undefined) return "waiting";
  if (last.event === "filled" && last.filled === last.quantity) return "verifying";
  return AT[last.event] ?? "waiting";
}

/** Whether somebody should look at a leg although it may not have ended. */
export function isTroubled(leg: Pick<LegStory, "outcome" | "steps">): boolean {
  if (leg.outcome !== undefined) return !CALM.has(leg.outcome);
  const last = leg.steps.at(-1)?.event;
  return last === "unknown" || last === "rejected" || last === "gate_closed";
}

const CALM: ReadonlySet<string> = new Set(["flat", "reduced", "excluded"]);
