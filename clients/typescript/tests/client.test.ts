import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import {
  type ConnectionState,
  OutcomeUnknown,
  type ProgressFrame,
  RpcClient,
  RpcError,
  TooLate,
  Unauthenticated,
} from "../src/index.ts";
import { type Peer, ScriptedServer } from "./scripted.ts";

let server: ScriptedServer;
let client: RpcClient;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  server = await ScriptedServer.start();
  client = new RpcClient({
    url: server.url,
    token: "rpc_secret",
    webSocket: WebSocket,
    backoff: { random: () => 0.5 },
  });
});

afterEach(() => {
  client.close();
  server.stop();
  vi.useRealTimers();
});

async function connected(): Promise<Peer> {
  const live = client.connect();
  const peer = await server.peer();
  await peer.letsIn();
  await live;
  return peer;
}

/** Resolves when the client is in this state. */
function becomes(is: ConnectionState["is"]): Promise<ConnectionState> {
  return new Promise((resolve) => {
    client.onState((state) => {
      if (state.is === is) resolve(state);
    });
  });
}

/** Let the client come back, and the server let it in. */
async function again(): Promise<Peer> {
  await vi.advanceTimersToNextTimerAsync();
  const peer = await server.peer();
  await peer.letsIn();
  return peer;
}

async function stepsOf(call: AsyncIterable<ProgressFrame>): Promise<number[]> {
  const seqs: number[] = [];
  for await (const step of call) seqs.push(step.seq);
  return seqs;
}

describe("entering", () => {
  test("the token is the first frame, and never in the address", async () => {
    void client.connect();
    const peer = await server.peer();

    expect(await peer.letsIn()).toEqual({ action: "auth", token: "rpc_secret" });
    expect(server.url).not.toContain("secret");
  });

  test.each([1002, 1007, 1008, 1009, 4401, 4403, 4408, 4410])(
    "%i ends it for good",
    async (code) => {
      const peer = await connected();
      peer.closes(code);
      await becomes("ended");
      await vi.advanceTimersByTimeAsync(600_000);

      expect(server.accepted).toBe(1);
      await expect(client.call("Ping")).rejects.toMatchObject({ closeCode: code });
    },
  );

  test.each([1001, 1011, 1012, 4413, 4429])("after %i it comes back", async (code) => {
    const peer = await connected();
    peer.closes(code);
    await becomes("stale");
    await again();
    await becomes("live");

    expect(server.accepted).toBe(2);
  });

  test("a wrong token rejects the first connection", async () => {
    const live = client.connect();
    const peer = await server.peer();
    await peer.receives("auth");
    peer.closes(4401);

    await expect(live).rejects.toBeInstanceOf(Unauthenticated);
  });
});

describe("calls", () => {
  test("a call is a promise of its answer and an iterable of its progress", async () => {
    const peer = await connected();
    const call = client.call("Flatten", { account: "Sim101" });
    const rpc = await peer.receives("rpc");
    const steps = stepsOf(call);
    peer.accepts(rpc);
    peer.progresses(1, 2, 2, 3);
    peer.answers(rpc, { success: true, operationId: "op-1", legs: [] });

    expect(await call).toMatchObject({ success: true });
    expect(await steps).toEqual([1, 2, 3]);
    expect(call.operationId).toBe("op-1");
  });

  test("every press has a fresh key, which a caller may choose", async () => {
    const peer = await connected();
    client.call("FlattenEverything");
    client.call("FlattenEverything");
    client.call("FlattenEverything", {}, { key: "mine" });
    const keys = [];
    for (let n = 0; n < 3; n += 1) keys.push((await peer.receives("rpc"))["idempotencyKey"]);

    expect(new Set(keys).size).toBe(3);
    expect(keys[2]).toBe("mine");
  });

  test("a refusal rejects with its code", async () => {
    const peer = await connected();
    const call = client.call("Flatten", {});
    const rpc = await peer.receives("rpc");
    peer.answers(rpc, { success: false, error: "filter_required", detail: "none" });

    await expect(call).rejects.toBeInstanceOf(RpcError);
    await expect(call).rejects.toMatchObject({ code: "filter_required" });
  });

  test("an unfinished operation is an answer, not a refusal", async () => {
    const peer = await connected();
    const call = client.call("Flatten", { account: "Sim101" });
    peer.answers(await peer.receives("rpc"), { success: false, error: "not_flat", legs: [] });

    expect(await call).toMatchObject({ success: false });
  });

  test("the second final answer of a call is passed over", async () => {
    const peer = await connected();
    const call = client.call("Ping");
    const rpc = await peer.receives("rpc");
    peer.answers(rpc, { success: true, epoch: 1 });
    peer.answers(rpc, { success: true, epoch: 2 });

    expect((await call).epoch).toBe(1);
  });

  test("what is asked before there is a connection waits for it", async () => {
    const call = client.call("Ping");
    const peer = await connected();
    peer.answers(await peer.receives("rpc"), { success: true, epoch: 1 });

    expect((await call).epoch).toBe(1);
  });
});

describe("a lost connection", () => {
  test("a read is asked again", async () => {
    const peer = await connected();
    const call = client.call("GetAllPositions");
    const first = await peer.receives("rpc");
    peer.hangsUp();
    await becomes("stale");
    const next = await again();
    const second = await next.receives("rpc");
    next.answers(second, { success: true, positions: [] });

    expect(second).toEqual(first);
    expect((await call).positions).toEqual([]);
  });

  test("an order is never sent again", async () => {
    const peer = await connected();
    const call = client.call("CancelOrder", { orderId: "1" } as never);
    await peer.receives("rpc");
    peer.hangsUp();

    await expect(call).rejects.toBeInstanceOf(OutcomeUnknown);
    const next = await again();
    const ping = client.call("Ping");
    const following = await next.receives("rpc");
    next.answers(following, { success: true, epoch: 1 });
    await ping;
    expect(following["api"]).toBe("Ping");
  });

  test("a closing call that was not accepted is sent again under its key", async () => {
    const peer = await connected();
    const call = client.call("Flatten", { account: "Sim101" });
    const first = await peer.receives("rpc");
    peer.hangsUp();
    await becomes("stale");
    const next = await again();
    const second = await next.receives("rpc");
    next.answers(second, { success: true, legs: [] });
    await call;

    expect(second).toEqual(first);
    expect(first["idempotencyKey"]).toBe(call.key);
  });

  test("what was not sent while it was good is not sent later", async () => {
    const first = await connected();
    first.hangsUp();
    await becomes("stale");
    const press = client.call("Flatten", { account: "Sim101" }, { goodForMs: 100 });
    const order = client.call("CancelOrder", { orderId: "1" } as never, { goodForMs: 100 });
    await Promise.all([
      expect(press).rejects.toThrow(TooLate),
      expect(order).rejects.toThrow(TooLate),
      again(),
    ]);
  });

  test("what may have arrived is asked for by its key when it is good no longer", async () => {
    const first = await connected();
    const lost = client.call("Flatten", { account: "Sim101" }, { goodForMs: 100 });
    const arrived = client.call("Flatten", { account: "Sim102" }, { goodForMs: 100 });
    await first.receives("rpc");
    await first.receives("rpc");
    first.hangsUp();
    await becomes("stale");
    const second = await again();
    const [one, other] = [await second.receives("attach"), await second.receives("attach")];
    expect([one["idempotencyKey"], other["idempotencyKey"]]).toEqual([lost.key, arrived.key]);
    second.sends({ id: one["id"], data: { success: false, error: "unknown_operation" } });
    second.sends({ id: other["id"], data: { legs: [], flat: true } });
    await expect(lost).rejects.toThrow(TooLate);
    expect((await arrived).flat).toBe(true);
  });

  test("an accepted one is attached to after its last step, and cancelled again", async () => {
    const peer = await connected();
    const call = client.call("Flatten", { account: "Sim101" });
    const rpc = await peer.receives("rpc");
    const steps = stepsOf(call);
    peer.accepts(rpc);
    await call.accepted;
    call.cancel();
    expect(await peer.receives("cancel")).toMatchObject({ operationId: "op-1" });
    peer.progresses(1, 2);
    await vi.waitUntil(() => call.seq === 2);
    peer.hangsUp();
    await becomes("stale");
    const next = await again();
    const attach = await next.receives("attach");
    await next.receives("cancel");
    next.progresses(2, 3);
    next.answers(attach, { success: true, legs: [], operationId: "op-1" });

    expect(attach).toMatchObject({ id: call.requestId, operationId: "op-1", after: 2 });
    await call;
    expect(await steps).toEqual([1, 2, 3]);
  });

  test("a silent server is found out by the ping that it does not answer", async () => {
    const peer = await connected();
    peer.isMute = true;
    const stale = becomes("stale");
    await vi.advanceTimersByTimeAsync(20_001);

    expect((await stale).is).toBe("stale");
  });
});

test("an attach by key learns its operation from the first step", async () => {
  const peer = await connected();
  const call = client.attach({ key: "press-1" });
  const attach = await peer.receives("attach");
  const steps = stepsOf(call);
  peer.progresses(1);
  peer.answers(attach, { success: true, legs: [] });
  await call;

  expect(attach).toMatchObject({ idempotencyKey: "press-1", after: 0 });
  expect(await steps).toEqual([1]);
});

test("a subscription is asked for again, and begins with a snapshot", async () => {
  const position = { positionId: "p", instrument: "MES 12-25" };
  const subscribed = { type: "subscribed", instruments: [], channels: ["positions"], unread: [] };
  const peer = await connected();
  const frames = client.subscribe(["positions"])[Symbol.asyncIterator]();
  const { id: requestId } = await peer.receives("subscribe");
  peer.sends({ ...subscribed, requestId: "another's", snapshot: { positions: [position] } });
  peer.sends({ ...subscribed, requestId, snapshot: { positions: [] } });
  peer.sends({ type: "event", channel: "positions", items: [position] });

  expect((await frames.next()).value).toMatchObject({ snapshot: { positions: [] } });
  expect((await frames.next()).value).toMatchObject({ type: "event", items: [position] });
  peer.hangsUp();
  await becomes("stale");
  const next = await again();
  expect(await next.receives("subscribe")).toMatchObject({
    id: requestId,
    channels: ["positions"],
  });
  next.sends({ type: "event", channel: "positions", items: [] }); // before its snapshot: not for it
  next.sends({ ...subscribed, requestId, snapshot: { positions: [position] } });
  expect((await frames.next()).value).toMatchObject({ snapshot: { positions: [position] } });
});

test("the smallest interval of all subscriptions holds for the quotes", async () => {
  const peer = await connected();
  client.subscribe([], ["ES"]);
  const quick = client.subscribe([], ["CL"], { intervalMs: 100 });
  const alerts = client.subscribe(["alerts"], [], { intervalMs: 100 })[Symbol.asyncIterator]();

  expect(await peer.receives("subscribe")).toMatchObject({ interval: 1000 });
  expect(await peer.receives("subscribe")).toMatchObject({ instruments: ["CL"], interval: 100 });
  expect(await peer.receives("subscribe")).not.toHaveProperty("interval"); // no quotes
  peer.hangsUp();
  await becomes("stale");
  const next = await again();
  expect(await next.receives("subscribe")).toMatchObject({ instruments: ["ES"], interval: 100 });
  expect(await next.receives("subscribe")).toMatchObject({ instruments: ["CL"], interval: 100 });
  const { id } = await next.receives("subscribe");
  quick.close();
  expect(await next.receives("unsubscribe")).toMatchObject({ instruments: ["CL"] });
  const { id: slower, ...said } = await next.receives("subscribe");
  expect(said).toEqual({ action: "subscribe", interval: 1000 });

  // What answers that is nobody's snapshot: whoever took it for one would forget what stands.
  const subscribed = { type: "subscribed", instruments: ["ES"], channels: ["alerts"], unread: [] };
  next.sends({ ...subscribed, requestId: slower, snapshot: {} });
  next.sends({ ...subscribed, requestId: id, snapshot: { alerts: [] } });
  expect((await alerts.next()).value).toMatchObject({ requestId: id });
});

test("a subscription that is refused ends alone, with what the server said", async () => {
  const peer = await connected();
  const refused = client.subscribe(["alerts"])[Symbol.asyncIterator]();
  const { id } = await peer.receives("subscribe");
  const other = client.subscribe(["orders"])[Symbol.asyncIterator]();
  const { id: otherId } = await peer.receives("subscribe");
  const said = { type: "error", requestId: id, error: "forbidden", detail: "needs the risk role" };
  peer.sends(said);
  peer.sends({
    type: "subscribed",
    requestId: otherId,
    instruments: [],
    channels: ["orders"],
    snapshot: { orders: [] },
  });

  await expect(refused.next()).rejects.toMatchObject({ code: "forbidden", data: said });
  expect((await other.next()).value).toMatchObject({ type: "subscribed" });
  peer.hangsUp();
  await becomes("stale");
  const next = await again();
  expect(await next.receives("subscribe")).toMatchObject({ id: otherId });
});

test("a subscription that came too fast is asked for again when the server says", async () => {
  const peer = await connected();
  const frames = client.subscribe(["orders"])[Symbol.asyncIterator]();
  const asked = await peer.receives("subscribe");
  const { id: requestId } = asked;
  const late = { error: "rate_limited", detail: "", retryAfterMs: 2000 };
  const subscribed = { type: "subscribed", instruments: [], channels: ["orders"], snapshot: {} };
  peer.sends({ type: "error", requestId, ...late }, { ...subscribed, requestId });

  await frames.next(); // it has heard both
  await vi.advanceTimersByTimeAsync(late.retryAfterMs);
  expect(await peer.receives("subscribe")).toEqual(asked);
});

test("the stream of profit is asked for again", async () => {
  const peer = await connected();
  const frames = client.streamPnl(500)[Symbol.asyncIterator]();
  expect(await peer.receives("streamPnl")).toMatchObject({ enabled: true, interval: 500 });
  peer.hangsUp();
  await becomes("stale");
  const next = await again();
  await next.receives("streamPnl");
  next.sends({ type: "pnlUpdate", epoch: 7, accounts: [] });

  expect((await frames.next()).value).toMatchObject({ epoch: 7 });
});

test("a pong tells how far the server's clock is from ours", async () => {
  const live = client.connect();
  const peer = await server.peer();
  peer.epoch = Date.now() + 5000;
  await peer.letsIn();
  await live;
  await vi.waitUntil(() => client.clockOffsetMs !== 0);

  expect(client.clockOffsetMs).toBeCloseTo(5000, -2);
});
