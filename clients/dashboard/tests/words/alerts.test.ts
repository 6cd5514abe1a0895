import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { describe, expect, test } from "vitest";

import { meaningOf, MEANINGS } from "../../src/words/alerts.ts";

/** The codes of the table that begins with `| code | what happened |`. */
function documentedCodes(): readonly string[] {
  const text = readFileSync(resolve(import.meta.dirname, "../../../../protocol.md"), "utf8");
  const [, table = ""] = text.split("| code | what happened |\n");
  const rows = table.slice(0, table.indexOf("\n\n")).split("\n");
  return rows.flatMap((row) => /^\| `(\w+)` \|/.exec(row)?.[1] ?? []);
}

describe("alerts", () => {
  test("every code of the protocol has its gravity, and there are no others", () => {
    expect(Object.keys(MEANINGS).sort()).toEqual([...documentedCodes()].sort());
  });

  test("what is not known is never quiet", () => {
    expect(meaningOf("something_new")).toEqual({ gravity: "look", title: "something new" });
  });
});
