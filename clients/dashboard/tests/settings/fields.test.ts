import type { PolicyAnswer } from "rpcclient";
import { expect, test } from "vitest";

import { argsOf, changesOf, draftOf } from "../../src/settings/fields.ts";
import { policyChanges, policyDraft } from "../../src/settings/policyDraft.ts";
import { EXECUTION, HOURS, SCOPE, THRESHOLDS } from "../../src/settings/words.ts";

const POLICY: PolicyAnswer = {
  rates: [],
  thresholds: [{ of: "loss", amount: 5000, needs: "reason" }],
  hours: [],
  sizes: [],
  retry: { times: 3, everyMs: 5000, forMs: 60_000 },
  retentionDays: 30,
  deployment: {},
  reason: "the house rules",
  principal: "desk",
  since: "2025-11-20T15:00:00Z",
};

test("what is answered comes back as it was said", () => {
  const row = { of: "loss", amount: 5000, needs: "reason", accounts: ["paper:a", "paper:b"] };
  expect(argsOf(THRESHOLDS, draftOf(THRESHOLDS, row))).toEqual({ ...row, amount: "5000" });
  const hours = { checkHours: true, waitForOpen: false };
  expect(argsOf(HOURS, draftOf(HOURS, hours))).toEqual(hours);
});

test("what is left empty is not said, and what was emptied is forgotten", () => {
  const fields = [...EXECUTION, ...SCOPE];
  const before = draftOf(fields, { dust: "leave", deadlineMs: 30_000, accounts: ["a"] });
  const now = { ...before, dust: "", deadlineMs: "20000", instruments: " ES , NQ," };
  expect(changesOf(fields, before, now)).toEqual({
    args: { deadlineMs: 20_000, instruments: ["ES", "NQ"] },
    clear: ["dust"],
  });
});

test("what is no figure is left to the server to refuse, not read as another", () => {
  expect(argsOf(EXECUTION, { deadlineMs: "30 s" })).toEqual({ deadlineMs: "30 s" });
});

test("of the policy only what changed is laid down, lists as a whole", () => {
  const before = policyDraft(POLICY);
  expect(policyChanges(before, before)).toEqual({});
  const now = {
    ...before,
    lists: {
      ...before.lists,
      thresholds: [],
      sizes: [{ instrument: "MES", order: "5" }],
    },
    retry: { ...before.retry, times: "5" },
    retention: { retentionDays: "" },
  };
  expect(policyChanges(before, now)).toEqual({
    sizes: [{ instrument: "MES", order: "5" }],
    retry: { times: 5, everyMs: 5000, forMs: 60_000 },
    clear: ["thresholds", "retentionDays"],
  });
});
