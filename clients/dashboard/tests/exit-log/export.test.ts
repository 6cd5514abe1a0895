import { type QueryAuditArgs, RpcError } from "rpcclient";
import { describe, expect, test } from "vitest";

import { headOf, lineOf, readAll } from "../../src/exit-log/export.ts";
import { exit } from "./exits.ts";

describe("as CSV", () => {
  test("one line an exit, times and empty cells as the command line writes them", () => {
    expect(headOf("csv")).toMatch(/^auditSeq,at,user,api,.*,provenAt,sandbox\r\n$/);
    expect(lineOf("csv", exit(7))).toBe(
      "7,2025-11-20T15:00:00.000000Z,desk,Flatten,op-7,1,,paper,Sim101,MES 12-25,short,2,2," +
        "5774.25,0,flat,,end of day,127.0.0.1,2025-11-20T15:00:00.160000Z,true\r\n",
    );
  });

  test.each([["=1+1"], ["+1"], ["-1"], ["@SUM(A1)"], ["\t=1"]])("%s is no formula", (reason) => {
    expect(lineOf("csv", exit(7, { reason }))).toContain(`,'${reason},`);
  });

  test("a negative figure stays one, and quotes are kept", () => {
    const line = lineOf("csv", exit(7, { remaining: "-3", reason: 'a "b", c' }));
    expect(line).toContain(',-3,flat,,"a ""b"", c",');
  });
});

test("every page is read, and a server that asks for patience gets it", async () => {
  const asked: QueryAuditArgs[] = [];
  const waited: number[] = [];
  const lines: number[] = [];
  let isBusy = true;
  const exits = await readAll(
    { user: "desk" },
    {
      query: (args) => {
        asked.push(args);
        if (args.before === undefined) {
          return Promise.resolve({ success: true, exits: [exit(9)], next: 9 });
        }
        if (isBusy) {
          isBusy = false;
          return Promise.reject(new RpcError("rate_limited", "", { retryAfterMs: 40 }));
        }
        return Promise.resolve({ success: true, exits: [exit(8)] });
      },
      onPage: (count) => lines.push(count),
      wait: (milliseconds) => {
        waited.push(milliseconds);
        return Promise.resolve();
      },
    },
  );
  expect(exits.map(({ auditSeq }) => auditSeq)).toEqual([9, 8]);
  expect(asked.map(({ before, user }) => [before, user])).toEqual([
    [undefined, "desk"],
    [9, "desk"],
    [9, "desk"],
  ]);
  expect(waited).toEqual([40]);
  expect(lines).toEqual([1, 2]);
});
