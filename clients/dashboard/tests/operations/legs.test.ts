import { expect, test } from "vitest";
import type { DetailedLeg } from "rpcclient";

import { byUrgency, legRow, legRows } from "../../src/operations/legs.ts";
import { recorded, storyOf } from "../desk/recorded.ts";

const DETAIL: DetailedLeg = {
  leg: 1,
  positionId: "p1",
  venue: "paper",
  account: "Sim101",
  instrument: "MES 12-25",
  side: "short",
  outcome: null,
  quantity: "3",
  target: "0",
  closed: "0",
  remaining: "3",
};

test("the steps are newer than what was read, until the leg has ended", () => {
  const frames = recorded("three-legs");
  const filled = storyOf(frames.filter(({ seq }) => seq <= 14)).legs.get(1);
  const running = legRow(DETAIL, filled);
  expect(running).toMatchObject({ remaining: "0", state: "verifying", filled: "3 of 3", share: 1 });
  expect(running.outcome).toBeUndefined();
  const ended = legRow({ ...DETAIL, outcome: "partial", remaining: "1" }, filled);
  expect(ended).toMatchObject({ outcome: "partial", remaining: "1", isTroubled: true });
});

test("a leg of which nothing was told waits", () => {
  expect(legRow(DETAIL, undefined)).toMatchObject({ state: "waiting", share: 0, remaining: "3" });
});

test("those that need somebody stand first, then those at work", () => {
  const rows = legRows(new Map([[9, { ...DETAIL, leg: 9 }]]), storyOf(recorded("mixed")).legs);
  const order = rows.sort(byUrgency).map(({ leg }) => leg);
  expect(order).toEqual([4, 6, 7, 9, 1, 2, 3, 5]);
});
