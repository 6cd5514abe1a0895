import type { HaltAnswer } from "rpcclient";
import { expect, test } from "vitest";

import { byLevel, scopeOf } from "../../src/watch/halts/words.ts";

function halt(more: Partial<HaltAnswer>): HaltAnswer {
  return {
    haltId: "halt-1",
    level: "no_new_risk",
    account: null,
    venue: null,
    instrument: null,
    strategyTag: null,
    user: null,
    everything: false,
    grants: ["*"],
    reason: "the feed",
    principal: "desk",
    at: "2025-11-20T15:00:00Z",
    ...more,
  };
}

test("a halt says what it reaches, and `everything` only of everything", () => {
  expect(scopeOf(halt({ account: "Sim101", venue: "paper", instrument: "ES" }))).toBe(
    "account paper:Sim101 · instrument ES",
  );
  expect(scopeOf(halt({ everything: true }))).toBe("everything");
  expect(scopeOf(halt({ everything: true, grants: ["paper:Sim101"] }))).toBe("paper:Sim101");
});

test("the gravest stands first, of the same level the newest", () => {
  const halts = [
    halt({ haltId: "old" }),
    halt({ haltId: "new", at: "2025-11-20T16:00:00Z" }),
    halt({ haltId: "lock", level: "flatten_and_lock" }),
  ];
  expect(byLevel(halts).map(({ haltId }) => haltId)).toEqual(["lock", "new", "old"]);
});
