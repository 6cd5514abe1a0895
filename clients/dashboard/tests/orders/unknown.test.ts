import { type AlertItem, type EventAnswer, type OperationItem, RpcError } from "rpcclient";
import { expect, test } from "vitest";

import {
  findUnknown,
  isStillUnknown,
  openQuestions,
  suspectsAmong,
} from "../../src/orders/unknown.ts";

const OURS = "cb1fc8d4e1a84d29ae38fea964aaac8c";

function alert(code: string, auditSeq: number, more: Partial<AlertItem> = {}): AlertItem {
  return {
    code,
    detail: "MES 12-25 in Sim101: an order's end is unknown",
    venue: "paper",
    account: "Sim101",
    instrument: "MES 12-25",
    auditSeq,
    at: "2025-11-20T15:00:00Z",
    ...more,
  };
}

function event(name: string, orderState: string | null): EventAnswer {
  return {
    timestamp: "2025-11-20T15:00:00Z",
    epoch: 0,
    source: "venue",
    event: name,
    orderState,
    orderId: OURS,
    auditSeq: 1,
  };
}

/** A server that knows one operation with one unknown order, whose life is *events*. */
function asking(events: readonly EventAnswer[] | RpcError) {
  const operation = { operationId: "op-1", openedAt: "a", finishedAt: "b" };
  const order = { orderId: OURS, side: "buy", quantity: "2", status: "unknown" };
  const leg = {
    venue: "paper",
    account: "Sim101",
    instrument: "MES 12-25",
    orders: [order, { ...order, orderId: "another", status: "filled" }],
  };
  const call = (api: string) => {
    if (api === "GetOperation") return Promise.resolve({ operation, legs: [leg] });
    return events instanceof RpcError ? Promise.reject(events) : Promise.resolve({ events });
  };
  return { call } as unknown as Parameters<typeof findUnknown>[0];
}

test("an alert stays open until the fate of its order is known", () => {
  const asked = alert("order_unknown", 1);
  expect(openQuestions([asked])).toEqual([asked]);
  expect(openQuestions([asked, alert("order_settled", 2)])).toEqual([]);
  expect(openQuestions([asked, alert("order_settled", 2, { account: "Sim102" })])).toEqual([asked]);
  expect(openQuestions([asked, alert("order_settled", 2), alert("order_unknown", 3)])).toHaveLength(
    1,
  );
});

test("only what ended without success may have left an order behind", () => {
  const item = (operationId: string, more: Partial<OperationItem>): OperationItem => ({
    operationId,
    api: "Flatten",
    principal: "desk",
    status: "finished",
    success: false,
    ...more,
  });
  const suspects = suspectsAmong([
    item("failed", {}),
    item("done", { success: true }),
    item("runs", { status: "running" }),
    item("planned", { dryRun: true }),
  ]);
  expect(suspects).toEqual(["failed"]);
});

test("no answer is the last word until the venue or a person says another", () => {
  const sent = event("PlaceOrder", null);
  const lost = event("NoAnswer", "Unknown");
  expect(isStillUnknown([sent, lost])).toBe(true);
  expect(isStillUnknown([sent, lost, event("Cancel", null)])).toBe(true);
  expect(isStillUnknown([sent, lost, event("OrderState", "Working")])).toBe(false);
  expect(isStillUnknown([sent, lost, event("ResolveOrder", null)])).toBe(false);
  expect(isStillUnknown([sent])).toBe(false);
});

test("what an operation left behind is found by name, beside the alert that told of it", async () => {
  const found = await findUnknown(
    asking([event("NoAnswer", "Unknown")]),
    [alert("order_unknown", 1)],
    ["op-1"],
  );
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ orderId: OURS, quantity: "2", operationId: "op-1" });
});

test("an order that cannot be asked about stays unknown; one that filled does not", async () => {
  const mute = asking(new RpcError("outcome_unknown", "no answer came"));
  expect(await findUnknown(mute, [], ["op-1"])).toHaveLength(1);
  const filled = asking([event("NoAnswer", "Unknown"), event("OrderState", "Filled")]);
  expect(await findUnknown(filled, [], ["op-1"])).toEqual([]);
});

test("an alert without a name is shown by what it says, and one with a name by that", async () => {
  const quiet = asking([]);
  const [nameless] = await findUnknown(quiet, [alert("order_unknown", 7)], []);
  expect(nameless).toMatchObject({ key: "alert 7", orderId: undefined, instrument: "MES 12-25" });
  const told: AlertItem = {
    code: "order_unknown",
    detail: `MES 12-25 in Sim101: ${OURS} was sent, and is not found`,
    venue: "paper",
    account: "Sim101",
    auditSeq: 8,
    at: "2025-11-20T15:00:00Z",
  };
  const lost = asking([event("NoAnswer", "Unknown")]);
  const [named] = await findUnknown(lost, [told], []);
  expect(named).toMatchObject({ orderId: OURS, instrument: "MES 12-25" });
});
