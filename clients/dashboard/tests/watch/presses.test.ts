import type { AuditItem } from "rpcclient";
import { describe, expect, test } from "vitest";

import { pressOf, pressOfOperation } from "../../src/watch/presses/presses.ts";

function record(kind: string, detail: string, principal = "desk"): AuditItem {
  const at = "2025-11-20T15:00:00Z";
  const remote = "127.0.0.1:60856";
  const who = principal === "" ? {} : { principal, remote };
  return { auditSeq: 7, auditHash: "", kind, detail, at, ...who };
}

describe("who pressed what", () => {
  test.each([
    [
      "directive_set",
      "directive:halt:halt-1: the feed: wrong",
      "Laid down a halt",
      "halt-1: the feed: wrong",
    ],
    ["directive_lifted", "directive:rule:day-limit: done", "Took back a rule", "day-limit: done"],
    [
      "directive_set",
      "directive:policy:server: house rules",
      "Laid down the policy",
      "server: house rules",
    ],
    ["directive_set", "directive:preferences:desk: ", "Laid down preferences", "desk"],
    ["noted", "token_revoked: tok-2; leaves", "Revoked a token", "tok-2; leaves"],
    ["resolved", "filled: by phone", "Resolved an order", "filled: by phone"],
  ])("%s %s", (kind, told, what, detail) => {
    expect(pressOf(record(kind, told))).toMatchObject({ who: "desk", what, detail });
  });

  test("what nobody pressed is none", () => {
    expect(
      pressOf(record("directive_set", "directive:mark:day-limit:paper:Sim101: kept")),
    ).toBeUndefined();
    expect(pressOf(record("noted", "venue_up: paper", ""))).toBeUndefined();
    expect(pressOf(record("fill_counted", ""))).toBeUndefined();
    const fired = {
      ...record("directive_set", "directive:switch:bot: silent for 3 s"),
      remote: "",
    };
    expect(pressOf(fired)).toBeUndefined();
  });

  test("a plan is no press", () => {
    const operation = {
      operationId: "op-1",
      api: "Flatten",
      principal: "desk",
      status: "running",
      openedAt: "2025-11-20T15:00:00Z",
    } as const;
    expect(pressOfOperation(operation)).toMatchObject({ what: "Flatten", who: "desk" });
    expect(pressOfOperation({ ...operation, dryRun: true })).toBeUndefined();
  });
});
