import type { ApprovalAnswer } from "rpcclient";
import { expect, test } from "vitest";

import { leftOf, waitingFor } from "../../src/watch/approvals/waiting.ts";

const NOW = Date.parse("2025-11-20T15:00:00Z");

function approval(code: string, principal: string, expiresAt: string): ApprovalAnswer {
  return {
    code,
    api: "FlattenEverything",
    principal,
    reason: "",
    why: "it closes everything",
    askedAt: "2025-11-20T14:59:00Z",
    expiresAt,
    accounts: ["paper:Sim101"],
    positions: 7,
    planHash: "5f",
    planOperationId: "op-1",
  };
}

test("what waits for somebody is neither their own nor over, and the next to expire is first", () => {
  const approvals = [
    approval("later", "desk", "2025-11-20T15:05:00Z"),
    approval("own", "rita", "2025-11-20T15:05:00Z"),
    approval("over", "desk", "2025-11-20T15:00:00Z"),
    approval("soon", "desk", "2025-11-20T15:01:00Z"),
  ];
  expect(waitingFor("rita", approvals, NOW).map(({ code }) => code)).toEqual(["soon", "later"]);
});

test("no time left is none, not less", () => {
  expect(leftOf(approval("over", "desk", "2025-11-20T14:00:00Z"), NOW)).toBe(0);
});
