import { expect, test } from "vitest";

import { type Column, leastWidth, place, tracks } from "../../src/table/column.ts";
import { matching, naturalKey } from "../../src/table/matching.ts";
import { outline } from "../../src/table/outline.ts";

interface Row {
  readonly id: string;
  readonly account: string;
  readonly venue: string;
  readonly quantity: number;
  readonly hasFailed?: boolean;
}

const VENUE: Column<Row> = { id: "venue", header: "Venue", value: (row) => row.venue };
const ACCOUNT: Column<Row> = { id: "account", header: "Account", value: (row) => row.account };
const QUANTITY: Column<Row> = { id: "quantity", header: "Size", value: (row) => row.quantity };

const ROWS: readonly Row[] = [
  { id: "1", venue: "paper", account: "Sim10", quantity: 5 },
  { id: "2", venue: "paper", account: "Sim2", quantity: 7 },
  { id: "3", venue: "gate", account: "Main", quantity: 1 },
  { id: "4", venue: "paper", account: "Sim10", quantity: 9, hasFailed: true },
];

const HOW = { keyOf: (row: Row) => row.id, closed: new Set<string>() };

test("without groups the lines are the rows, in their order", () => {
  const lines = outline(ROWS, { ...HOW, groupBy: [] });
  expect(lines.map(({ key, level }) => [key, level])).toEqual([
    ["1", 1],
    ["2", 1],
    ["3", 1],
    ["4", 1],
  ]);
});

test("groups stand within groups, by name as people count, and hold all their rows", () => {
  const lines = outline(ROWS, { ...HOW, groupBy: [VENUE, ACCOUNT] });
  const said = lines.map((line) =>
    line.is === "row" ? line.key : `${"-".repeat(line.level)} ${line.name} ${line.rows.length}`,
  );
  expect(said).toEqual([
    "- gate 1",
    "-- Main 1",
    "3",
    "- paper 3",
    "-- Sim2 1",
    "2",
    "-- Sim10 2",
    "1",
    "4",
  ]);
});

test("a closed group hides what is in it, and no other", () => {
  const closed = new Set(["/venue=paper"]);
  const lines = outline(ROWS, { ...HOW, closed, groupBy: [VENUE, ACCOUNT] });
  expect(lines.map(({ key }) => key)).toEqual([
    "/venue=gate",
    "/venue=gate/account=Main",
    "3",
    "/venue=paper",
  ]);
});

test("a group with something of a lower rank stands first", () => {
  const rankOf = (row: Row) => (row.hasFailed === true ? 0 : 1);
  const lines = outline(ROWS, { ...HOW, groupBy: [ACCOUNT], rankOf });
  expect(lines.filter(({ is }) => is === "group").map(({ key }) => key)).toEqual([
    "/account=Sim10",
    "/account=Main",
    "/account=Sim2",
  ]);
});

test("every word must be found somewhere, whatever the case", () => {
  const found = (text: string) => matching(ROWS, [VENUE, ACCOUNT, QUANTITY], text).map((r) => r.id);
  expect(found("SIM10 paper")).toEqual(["1", "4"]);
  expect(found("sim10 9")).toEqual(["4"]);
  expect(found("sim10 gate")).toEqual([]);
  expect(matching(ROWS, [VENUE], "  ")).toBe(ROWS);
});

test("texts with figures sort as people count", () => {
  const texts = ["Sim10", "sim2", "SYN00100", "ES 03-26", "Sim1"];
  const sorted = texts.toSorted((one, other) => (naturalKey(one) < naturalKey(other) ? -1 : 1));
  expect(sorted).toEqual(["ES 03-26", "Sim1", "sim2", "Sim10", "SYN00100"]);
});

test("on a narrow table columns are left out, or stand beneath another", () => {
  const columns = [
    ACCOUNT,
    { ...VENUE, under: "account" },
    { id: "exit", header: "Exit", value: () => "", under: "account", isUrgent: true },
    { ...QUANTITY, width: "6rem", grow: 2 },
    { id: "note", header: "Note", value: () => "", isExtra: true },
  ];
  expect(place(columns, false).map(({ column }) => column.id)).toEqual([
    "account",
    "venue",
    "exit",
    "quantity",
    "note",
  ]);
  const narrow = place(columns, true);
  expect(narrow.map(({ column, beneath }) => [column.id, beneath.map(({ id }) => id)])).toEqual([
    ["account", ["exit", "venue"]],
    ["quantity", []],
  ]);
  expect(tracks(narrow, true)).toBe("minmax(0, 1fr) minmax(0, 2fr)");
  expect(leastWidth(place(columns, false), false)).toBe("calc(4rem + 4rem + 4rem + 6rem + 4rem)");
});
