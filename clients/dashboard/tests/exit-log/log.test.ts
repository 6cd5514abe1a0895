import type { ExitsAnswer } from "rpcclient";
import { describe, expect, test } from "vitest";

import { begun, extended, renewed, seen } from "../../src/exit-log/log.ts";
import { exit } from "./exits.ts";

function page(seqs: readonly number[], next?: number): ExitsAnswer {
  const exits = seqs.map((seq) => exit(seq));
  return { success: true, exits, ...(next === undefined ? {} : { next }) };
}

const seqs = (log: ReturnType<typeof begun>) => log.exits.map(({ auditSeq }) => auditSeq);

describe("the exit log", () => {
  test("pages on to its end", () => {
    const log = extended(begun(page([9, 8], 8)), page([7]));
    expect(seqs(log)).toEqual([9, 8, 7]);
    expect(log.next).toBeUndefined();
  });

  test("new ends stand on top, marked until they were seen, and pages stay", () => {
    const log = renewed(extended(begun(page([9, 8], 8)), page([7, 6], 6)), page([11, 9], 9));
    expect(seqs(log)).toEqual([11, 9, 8, 7, 6]);
    expect([...log.fresh]).toEqual([11]);
    expect(log.next).toBe(6);
    expect(seen(log).fresh.size).toBe(0);
  });

  test("nothing is hidden where more ended than one page holds", () => {
    const log = renewed(begun(page([9, 8], 8)), page([30, 29], 29));
    expect(seqs(log)).toEqual([30, 29]);
    expect(log.next).toBe(29);
  });

  test("the first line of an empty log", () => {
    const log = renewed(begun(page([])), page([1]));
    expect(seqs(log)).toEqual([1]);
    expect([...log.fresh]).toEqual([1]);
  });
});
