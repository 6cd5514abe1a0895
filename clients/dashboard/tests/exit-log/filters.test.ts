import { expect, test } from "vitest";

import { filtersOf, NO_FILTERS, queryOf, subjectOf } from "../../src/exit-log/filters.ts";

test("an address says the same as its filters", () => {
  const filters = { ...NO_FILTERS, user: "o'neil & co", outcome: "flat", from: "2025-11-20T15:00" };
  expect(filtersOf(subjectOf(filters))).toEqual(filters);
  expect(subjectOf(NO_FILTERS)).toBe("");
});

test("the server is asked for instants, and for nothing that is empty or makes no sense", () => {
  const from = "2025-11-20T15:00";
  expect(queryOf({ ...NO_FILTERS, user: " desk ", outcome: "gone", from, until: "never" })).toEqual(
    {
      user: "desk",
      since: new Date(from).toISOString(),
    },
  );
});
