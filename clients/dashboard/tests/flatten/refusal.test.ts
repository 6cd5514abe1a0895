import { ConnectionLost, RpcError } from "rpcclient";
import { expect, test } from "vitest";

import { refusalOfPress } from "../../src/flatten/refusal.ts";

const refused = (code: string, data = {}) => new RpcError(code, "", data);

test("a press that was refused sent nothing, and says so", () => {
  const error = refused("forbidden");
  const refusal = refusalOfPress({ error, answer: undefined, operationId: undefined });
  expect(refusal).toMatchObject({ title: "Not allowed", isNothingSent: true });
});

test("once it was accepted, no refusal to follow it means that nothing was sent", () => {
  for (const code of ["forbidden", "unknown_operation", "rate_limited"]) {
    const error = refused(code);
    const refusal = refusalOfPress({ error, answer: undefined, operationId: "op-1" });
    expect(refusal?.isNothingSent).toBe(false);
  }
});

test("a refusal that names the operation it would repeat is one all the same", () => {
  const error = refused("repeat_partial", { operationId: "op-1" });
  const refusal = refusalOfPress({ error, answer: undefined, operationId: "op-1" });
  expect(refusal?.isNothingSent).toBe(true);
});

test("a connection that ended, or a key that is too old, leaves it open what was done", () => {
  for (const error of [new ConnectionLost("closed"), refused("idempotency_expired")]) {
    const refusal = refusalOfPress({ error, answer: undefined, operationId: undefined });
    expect(refusal?.isNothingSent).toBe(false);
  }
});
