import { expect, test } from "vitest";

import { recorded, step, storyOf } from "./recorded.ts";

test("every leg is told of with what became of it", () => {
  const story = storyOf(recorded("mixed"));
  const ends = [...story.legs.values()].map(({ instrument, outcome, remaining }) => [
    instrument,
    outcome,
    remaining,
  ]);
  expect(ends).toContainEqual(["GC 12-25", "unknown", "1"]);
  expect(ends).toContainEqual(["CL 12-25", "waiting_market", "2"]);
  expect(ends).toContainEqual(["NQ 12-25", "rejected", "1"]);
  expect(ends).toHaveLength(7);
  expect([story.done, story.total]).toEqual([7, 7]);
});

test("why the venue refused stays with the leg", () => {
  const nq = storyOf(recorded("mixed")).legs.get(4);
  expect(nq?.reason).toBe("insufficient_margin");
  expect(nq?.detail).toBe("refused by the risk desk");
});

test("accounts were read before anything was sent, and after the end", () => {
  const { readings } = storyOf(recorded("mixed"));
  expect(readings.map(({ is, account, positions }) => [is, account, positions])).toEqual([
    ["before", "Sim101", "4"],
    ["before", "Sim102", "3"],
    ["after", "Sim101", "1"],
  ]);
});

test("legs that are open grow with the plan and shrink to none", () => {
  const { openLegs } = storyOf(recorded("mixed"));
  expect(openLegs.map(({ open }) => open)).toEqual([0, 4, 7, 6, 5, 4, 3, 2, 1, 0]);
});

test("a step that is told again, or out of turn, changes nothing", () => {
  const frames = recorded("three-legs");
  const story = storyOf([...frames, ...frames.toReversed()]);
  expect(story.frames).toEqual(frames);
  expect(story.legs.get(1)?.steps).toHaveLength(3);
});

test("steps that were skipped are counted", () => {
  expect(storyOf([step(1, "opened", 0), step(4, "recovered", 5)]).missed).toBe(2);
  expect(storyOf(recorded("mixed")).missed).toBe(0);
});

test("an account that holds more has further legs", () => {
  const story = storyOf([
    step(1, "planned", 0, { total: 1 }),
    step(2, "leg_ended", 5, { leg: 1, outcome: "flat", remaining: "0", done: 1, total: 1 }),
    step(3, "found_more", 6, { quantity: "1", done: 1, total: 1 }),
    step(4, "planned", 7, { quantity: "1", done: 1, total: 2 }),
    step(5, "sending", 8, { leg: 2, orderId: "o2", quantity: "1", done: 1, total: 2 }),
  ]);
  expect(story.openLegs.map(({ open }) => open)).toEqual([1, 0, 1]);
  expect(story.legs.get(2)?.outcome).toBeUndefined();
});

test("the number of the end itself is no step that was missed", () => {
  const frames = recorded("three-legs");
  const late = { ...step(frames.length + 2, "gate_opened", 0), done: 3, total: 3 };
  expect(storyOf([...frames, late]).missed).toBe(0);
  expect(storyOf([...frames, { ...late, seq: frames.length + 3 }]).missed).toBe(1);
});
