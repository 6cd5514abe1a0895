/**
 * Orders whose fate nobody knows: sent, and no answer came.
 *
 * No list of the server names them. Its alerts say that there are some, and the legs of operations
 * that ended unproven name them; the life of each then says whether it is unknown still.
 */
import {
  type AlertItem,
  type EventAnswer,
  type OperationItem,
  type RpcClient,
  RpcError,
} from "rpcclient";

import type { LostOrder } from "../desk/desk.ts";

export interface UnknownOrder {
  readonly key: string;
  /** Undefined where only the alert is known, and not the order's name. */
  readonly orderId: string | undefined;
  readonly venue: string | undefined;
  readonly account: string;
  readonly instrument: string;
  readonly side: string | undefined;
  readonly quantity: string | undefined;
  readonly since: string;
  readonly detail: string;
  readonly operationId: string | undefined;
}

type Asker = Pick<RpcClient, "call">;

const SUSPECTS_MAX = 10;
const LEGS_MAX = 500;
const OUR_NAME = /\b[0-9a-f]{32}\b/;

/** What `order_unknown` told of and no later `order_settled` did, one alert a position. */
export function openQuestions(alerts: readonly AlertItem[]): readonly AlertItem[] {
  const open = new Map<string, AlertItem>();
  for (const alert of alerts) {
    const place = `${alert.venue ?? ""}:${alert.account ?? ""}:${alert.instrument ?? ""}`;
    const name = OUR_NAME.exec(alert.detail)?.[0] ?? "";
    if (alert.code === "order_unknown") open.set(`${place}:${name}`, alert);
    if (alert.code === "order_settled") open.delete(`${place}:`);
  }
  return [...open.values()];
}

/** The newest operations that may have left an order behind. */
export function suspectsAmong(operations: readonly OperationItem[]): readonly string[] {
  return operations
    .filter(({ status, success, dryRun }) => status === "finished" && !success && dryRun !== true)
    .slice(-SUSPECTS_MAX)
    .map(({ operationId }) => operationId);
}

/** Whether the last word about an order's state is that no answer came. */
export function isStillUnknown(events: readonly EventAnswer[]): boolean {
  const last = events.findLast(
    ({ event, orderState }) => orderState !== null || event === "ResolveOrder",
  );
  return last?.event === "NoAnswer";
}

/**
 * Find every order that is unknown now.
 *
 * @throws ClientError: nothing could be asked, so that none can be called known.
 */
export async function findUnknown(
  asker: Asker,
  questions: readonly AlertItem[],
  suspects: readonly string[],
  lost: readonly LostOrder[] = [],
): Promise<readonly UnknownOrder[]> {
  const named = [...lost.map(sentFromHere), ...questions.flatMap(namedByAlert)];
  const found = [...named, ...(await Promise.all(suspects.map((id) => left(asker, id)))).flat()];
  const distinct = [...new Map(found.reverse().map((order) => [order.key, order])).values()];
  const unknown = (await Promise.all(distinct.map((order) => confirmed(asker, order)))).flat();
  const nameless = questions
    .filter((alert) => namedByAlert(alert).length === 0)
    .filter((alert) => !unknown.some((order) => isSamePlace(order, alert)))
    .map(nameOnly);
  return [...unknown, ...nameless];
}

function sentFromHere({ at, ...order }: LostOrder): UnknownOrder {
  return {
    ...order,
    key: order.orderId,
    venue: undefined,
    since: at,
    detail: "sent from this page",
    operationId: undefined,
  };
}

function namedByAlert(alert: AlertItem): readonly UnknownOrder[] {
  const orderId = OUR_NAME.exec(alert.detail)?.[0];
  return orderId === undefined ? [] : [{ ...nameOnly(alert), key: orderId, orderId }];
}

function nameOnly(alert: AlertItem): UnknownOrder {
  return {
    key: `alert ${String(alert.auditSeq)}`,
    orderId: undefined,
    venue: alert.venue,
    account: alert.account ?? "",
    instrument: alert.instrument ?? alert.detail.split(" in ")[0] ?? "",
    side: undefined,
    quantity: undefined,
    since: alert.at,
    detail: alert.detail,
    operationId: alert.operationIds?.[0],
  };
}

function isSamePlace(order: UnknownOrder, alert: AlertItem): boolean {
  return (
    order.venue === alert.venue &&
    order.account === alert.account &&
    order.instrument === alert.instrument
  );
}

/** The orders that an operation ended without knowing about. */
async function left(asker: Asker, operationId: string): Promise<readonly UnknownOrder[]> {
  const { operation, legs } = await asker.call("GetOperation", { operationId, limit: LEGS_MAX });
  return legs.flatMap((leg) =>
    (leg.orders ?? [])
      .filter(({ status }) => status === "unknown")
      .map((order) => ({
        key: order.orderId,
        orderId: order.orderId,
        venue: leg.venue,
        account: leg.account,
        instrument: leg.instrument,
        side: order.side,
        quantity: order.quantity,
        since: operation.finishedAt ?? operation.openedAt,
        detail: order.detail ?? "",
        operationId,
      })),
  );
}

/** None if its life says by now what became of it. What cannot be found stays unknown. */
async function confirmed(asker: Asker, order: UnknownOrder): Promise<readonly UnknownOrder[]> {
  if (order.orderId === undefined) return [order];
  let events: readonly EventAnswer[];
  try {
    ({ events } = await asker.call("GetOrderLifecycle", { orderId: order.orderId }));
  } catch (error) {
    if (error instanceof RpcError) return [order];
    throw error;
  }
  if (!isStillUnknown(events)) return [];
  const sent = events.findLast(({ event }) => event === "NoAnswer");
  return [
    { ...order, since: sent?.timestamp ?? order.since, detail: sent?.detail ?? order.detail },
  ];
}
