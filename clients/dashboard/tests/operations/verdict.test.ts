import { expect, test } from "vitest";

import { verdictOn } from "../../src/operations/verdict.ts";

const FLAT = { success: true, flat: true, counts: { flat: 3 } };

function wordOf(change: Partial<Parameters<typeof verdictOn>[0]>) {
  return verdictOn({ ...FLAT, ...change })?.word;
}

test("FLAT stands only where the server says that it is flat", () => {
  expect(wordOf({})).toBe("FLAT");
  expect(wordOf({ flat: false })).toBe("DONE");
  expect(wordOf({ success: null, flat: null })).toBeUndefined();
});

test("what is not known is worded as neither closed nor failed", () => {
  const unknown = { success: false, flat: false, counts: { flat: 1, unknown: 1, rejected: 2 } };
  expect(wordOf(unknown)).toBe("UNKNOWN");
  expect(wordOf({ success: false, flat: false, counts: {}, failures: [{}] })).toBe("UNKNOWN");
});

test("what is left is NOT FLAT, and counted", () => {
  const verdict = verdictOn({
    success: false,
    flat: false,
    counts: { flat: 1, rejected: 1, waiting_market: 1 },
    cancelled: true,
  });
  expect(verdict).toMatchObject({
    word: "NOT FLAT",
    text: "2 positions are not closed; it was cancelled.",
  });
});

test("a refusal of the whole is nothing done only where no order was canceled either", () => {
  const refused = { success: false, flat: false, counts: {}, error: "plan_changed" };
  expect(wordOf({ ...refused, canceledOrderIds: [] })).toBe("NOTHING DONE");
  expect(wordOf(refused)).toBe("NOTHING CLOSED"); // it is not told what was canceled
  expect(verdictOn({ ...refused, canceledOrderIds: ["o1"] })).toMatchObject({
    word: "NOTHING CLOSED",
    text: "plan changed: no close was sent, but 1 order was canceled.",
  });
});
