import { expect, test } from "vitest";
import type { OperationAnswer, OperationItem } from "rpcclient";

import { endOf, rowsOf } from "../../src/operations/rows.ts";

const READ: OperationAnswer = {
  operationId: "op-1",
  api: "Flatten",
  principal: "desk",
  idempotencyKey: "k",
  openedAt: "2026-01-01T00:00:01Z",
  finishedAt: null,
  running: true,
  success: null,
  flat: null,
  dryRun: false,
  legs: 3,
};
const HEARD: OperationItem = {
  operationId: "op-1",
  api: "Flatten",
  principal: "desk",
  status: "finished",
  success: false,
  flat: false,
  reason: "end of day",
};

test("what was heard since is newer than what was read", () => {
  expect(rowsOf([READ], [HEARD])).toMatchObject([
    { isRunning: false, success: false, legs: 3, reason: "end of day", openedAt: READ.openedAt },
  ]);
  const ended = { ...READ, running: false, success: true, flat: true };
  const [row] = rowsOf([ended], [{ ...HEARD, status: "running" }]);
  expect(row).toMatchObject({ isRunning: false, flat: true });
});

test("the newest stands first", () => {
  const newer = { ...READ, operationId: "op-2", openedAt: "2026-01-01T00:00:02Z" };
  expect(rowsOf([READ, newer], []).map(({ operationId }) => operationId)).toEqual(["op-2", "op-1"]);
});

test("a line promises no more than the list knows", () => {
  const word = (change: Partial<OperationItem>) => {
    const [row] = rowsOf([], [{ ...HEARD, ...change }]);
    return row === undefined ? undefined : endOf(row).word;
  };
  expect(word({})).toBe("NOT PROVEN");
  expect(word({ status: "running" })).toBe("RUNNING");
  expect(word({ success: true })).toBe("DONE");
  expect(word({ success: true, flat: true })).toBe("FLAT");
  expect(word({ error: "plan_changed" })).toBe("PLAN CHANGED");
  expect(word({ dryRun: true })).toBe("PLAN");
});
