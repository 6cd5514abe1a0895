import type { AlertItem } from "rpcclient";
import { describe, expect, test } from "vitest";

import { byGravity, merged, openCounts } from "../../src/watch/alerts/list.ts";

const ALL = { code: "", account: "", isOpenOnly: false };

function alert(auditSeq: number, more: Partial<AlertItem> = {}): AlertItem {
  return { auditSeq, code: "exit_failed", detail: "", at: "2025-11-20T15:00:00Z", ...more };
}

const seqs = (alerts: readonly AlertItem[]) => alerts.map(({ auditSeq }) => auditSeq);

describe("alerts", () => {
  test("what was heard takes the place of what a page told, and each stands once", () => {
    const heard = [alert(8, { acknowledgedBy: "rita" }), alert(10)];
    const shown = merged([alert(9), alert(8)], heard, ALL);
    expect(seqs(shown)).toEqual([10, 9, 8]);
    expect(shown[2]?.acknowledgedBy).toBe("rita");
  });

  test("a word about an alert of an old page belongs to it, and is none itself", () => {
    const said = { code: "alert_acknowledged", acknowledges: 3, principal: "rita", detail: "mine" };
    const word = alert(11, said);
    const shown = merged([alert(3)], [word], ALL);
    expect(seqs(shown)).toEqual([3]);
    expect(shown[0]).toMatchObject({ acknowledgedBy: "rita", acknowledgeReason: "mine" });
    expect(merged([alert(3)], [word], { ...ALL, isOpenOnly: true })).toEqual([]);
  });

  test("what is heard passes the filters too", () => {
    const heard = [
      alert(1, { venue: "paper", account: "Sim101" }),
      alert(2, { venue: "paper", account: "Sim102" }),
      alert(3, { code: "venue_up" }),
    ];
    expect(seqs(merged([], heard, { ...ALL, account: "paper:sim101" }))).toEqual([1]);
    expect(seqs(merged([], heard, { ...ALL, account: "SIM102" }))).toEqual([2]);
    expect(seqs(merged([], heard, { ...ALL, code: "venue_up" }))).toEqual([3]);
  });

  test("open ones are counted by gravity, and the gravest stand first", () => {
    const alerts = [
      alert(1, { code: "venue_up" }),
      alert(2),
      alert(3, { acknowledgedBy: "rita" }),
      alert(4, { code: "price_jumped" }),
    ];
    expect(openCounts(alerts)).toEqual({ act: 1, look: 1, know: 1 });
    expect(byGravity(alerts).map(([gravity]) => gravity)).toEqual(["act", "look", "know"]);
  });
});
