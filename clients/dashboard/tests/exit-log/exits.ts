/** Lines of the exit log for tests. */
import type { ExitAnswer } from "rpcclient";

export function exit(auditSeq: number, more: Partial<ExitAnswer> = {}): ExitAnswer {
  return {
    auditSeq,
    at: "2025-11-20T15:00:00Z",
    user: "desk",
    api: "Flatten",
    operationId: `op-${String(auditSeq)}`,
    leg: 1,
    strategy: null,
    venue: "paper",
    account: "Sim101",
    instrument: "MES 12-25",
    side: "short",
    quantity: "2",
    closed: "2",
    averagePrice: "5774.25",
    remaining: "0",
    outcome: "flat",
    why: "",
    reason: "end of day",
    remote: "127.0.0.1",
    provenAt: "2025-11-20T15:00:00.160000Z",
    sandbox: true,
    ...more,
  };
}
