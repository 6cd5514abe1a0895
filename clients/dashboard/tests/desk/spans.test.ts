import { expect, test } from "vitest";

import { isTroubled, sayState, spansOf, tellLeg } from "../../src/desk/spans.ts";
import { formatDuration } from "../../src/words/format.ts";
import { recorded, step, storyOf } from "./recorded.ts";

function kindsOf(leg: number, name: "mixed" | "three-legs" = "mixed") {
  const spans = spansOf(storyOf(recorded(name)).legs.get(leg)?.steps ?? []).spans;
  return spans.map(({ kind, from, to }) => [kind, (to ?? NaN) - from]);
}

test("a leg is sent, filled and verified", () => {
  expect(kindsOf(1)).toEqual([
    ["send", 69],
    ["fill", 0],
    ["verify", 106],
  ]);
});

test("orders that stand in the way hold the leg up until they are proven gone", () => {
  expect(kindsOf(2, "three-legs")).toEqual([
    ["cancel", 109],
    ["fence", 109],
    ["send", 108],
    ["fill", 0],
    ["verify", 208],
  ]);
});

test("cancels that hold nothing up go on beside the sending", () => {
  expect(kindsOf(2).slice(0, 3)).toEqual([
    ["cancel", 70],
    ["fence", 0],
    ["send", 70],
  ]);
});

test("an order without an answer is unknown until it is sent again, and at the end", () => {
  const kinds = kindsOf(7).map(([kind]) => kind);
  expect(kinds.slice(0, 4)).toEqual(["send", "unknown", "send", "unknown"]);
  expect(kinds.at(-1)).toBe("unknown");
  expect(kinds).not.toContain("verify");
});

test("every refusal of the venue is marked", () => {
  const { marks } = spansOf(storyOf(recorded("mixed")).legs.get(4)?.steps ?? []);
  expect(marks.map(({ event }) => event)).toEqual(Array(5).fill("rejected"));
});

test("a leg that was never sent has no spans, and an end", () => {
  const { spans, from, to } = spansOf(storyOf(recorded("mixed")).legs.get(6)?.steps ?? []);
  expect(spans).toEqual([]);
  expect(to).toBe(from);
});

test("where the clock went back, time stands still", () => {
  const { spans } = spansOf([
    step(1, "sending", 100, { leg: 1, orderId: "o", quantity: "1" }),
    step(2, "filled", 40, { leg: 1, orderId: "o", quantity: "1", filled: "1" }),
    step(3, "leg_ended", 120, { leg: 1, outcome: "flat" }),
  ]);
  for (const { from, to } of spans) expect(to).toBeGreaterThanOrEqual(from);
  expect(spans.at(-1)?.kind).toBe("verify");
});

test("what goes on has no end: an order that rests, then a leg that is verified", () => {
  const steps = [
    step(1, "sending", 0, { leg: 1, orderId: "o", quantity: "2" }),
    step(2, "working", 10, { leg: 1, orderId: "o", quantity: "2" }),
  ];
  expect(spansOf(steps).spans.at(-1)).toMatchObject({ kind: "rest", to: undefined });
  steps.push(step(3, "filled", 20, { leg: 1, orderId: "o", quantity: "2", filled: "2" }));
  expect(spansOf(steps).spans.at(-1)).toMatchObject({ kind: "verify", to: undefined });
  expect(spansOf(steps).to).toBeUndefined();
});

test("after a restart the same leg goes on", () => {
  const { spans } = spansOf([
    step(1, "sending", 0, { leg: 1, orderId: "o", quantity: "1" }),
    step(3, "unknown", 900, { leg: 1, orderId: "o" }),
    step(4, "filled", 950, { leg: 1, orderId: "o", quantity: "1", filled: "1" }),
    step(5, "leg_ended", 990, { leg: 1, outcome: "flat" }),
  ]);
  expect(spans.map(({ kind }) => kind)).toEqual(["send", "unknown", "fill", "verify"]);
});

test("a leg is told in words", () => {
  const story = storyOf(recorded("three-legs"));
  const leg = story.legs.get(2);
  const since = Date.parse(story.frames[0]?.at ?? "");
  expect(leg === undefined ? "" : tellLeg(leg, since, formatDuration)).toBe(
    "canceling orders for 109 ms, held up by them for 109 ms, on its way for 108 ms, " +
      "verifying for 208 ms, CLOSED after 630 ms",
  );
});

test("what a leg is at, and whether somebody should look", () => {
  const sent = step(1, "sending", 0, { leg: 1, orderId: "o", quantity: "1" });
  const lost = step(2, "unknown", 5, { leg: 1, orderId: "o" });
  const calm = storyOf([sent]).legs.get(1);
  const bad = storyOf([sent, lost]).legs.get(1);
  expect(sayState(calm)).toBe("sent");
  expect(sayState(bad)).toBe("no answer: asking");
  expect(sayState(undefined)).toBe("waiting");
  expect(calm !== undefined && isTroubled(calm)).toBe(false);
  expect(bad !== undefined && isTroubled(bad)).toBe(true);
});

test("two thousand legs are told and woven within a blink", () => {
  const legs = Array.from({ length: 2000 }, (_, index) => index + 1);
  const of = (leg: number) => ({ leg, orderId: `o${leg}`, quantity: "1", total: 2000 });
  const frames = [
    ...legs.map((leg) => step(leg, "sending", leg, of(leg))),
    ...legs.map((leg) => step(2000 + leg, "filled", 2000 + leg, { ...of(leg), filled: "1" })),
    ...legs.map((leg) => step(4000 + leg, "leg_ended", 4000 + leg, { ...of(leg), done: leg })),
  ];
  const before = performance.now();
  const story = storyOf(frames);
  const woven = [...story.legs.values()].map(({ steps }) => spansOf(steps).spans.length);
  expect(woven).toEqual(Array(2000).fill(3));
  expect(performance.now() - before).toBeLessThan(1000);
});
