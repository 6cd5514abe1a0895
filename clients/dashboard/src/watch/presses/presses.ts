/** Who pressed what: calls that close, and from the audit whatever else people laid down or took back. */
import type { AuditItem, OperationItem } from "rpcclient";

export interface Press {
  readonly key: string;
  readonly at: string;
  readonly who: string;
  /** Such as `Flatten` or `took back a halt`. */
  readonly what: string;
  /** What it was about, and why. */
  readonly detail: string;
  readonly operationId: string | undefined;
}

const DIRECTIVES: Readonly<Record<string, string>> = {
  halt: "a halt",
  rule: "a rule",
  switch: "a dead-man's switch",
  preferences: "preferences",
  policy: "the policy",
};

/** The press that began an operation; a plan is none. */
export function pressOfOperation(operation: OperationItem): Press | undefined {
  const { operationId, openedAt: at, principal: who, api: what, reason: detail = "" } = operation;
  if (at === undefined || operation.dryRun === true) return undefined;
  return { key: operationId, at, who, what, detail, operationId };
}

/** The press that *item* records, if it records one that is no operation. */
export function pressOf(item: AuditItem): Press | undefined {
  const { auditSeq, at, principal: who, operationIds: [operationId] = [] } = item;
  const told = item.detail ?? "";
  if (who === undefined || who === "") return undefined;
  const press = (what: string, detail: string) => {
    return { key: String(auditSeq), at, who, what, detail, operationId };
  };
  switch (item.kind) {
    case "operation_cancelled":
      return press("Cancelled an operation", told);
    case "directive_set":
    case "directive_lifted": {
      const [, kind = "", name = "", reason = ""] =
        /^directive:(\w+):?([^:]*): ?(.*)$/s.exec(told) ?? [];
      const directive = DIRECTIVES[kind];
      // The server's own marks, and what rules and switches do by themselves, nobody pressed.
      if (directive === undefined || (item.remote ?? "") === "") return undefined;
      const verb = item.kind === "directive_set" ? "Laid down" : "Took back";
      return press(`${verb} ${directive}`, [name, reason].filter(Boolean).join(": "));
    }
    case "resolved":
      return press("Resolved an order", told);
    case "noted": {
      const [code = "", ...rest] = told.split(": ");
      const what = NOTED[code];
      return what === undefined ? undefined : press(what, rest.join(": "));
    }
    default:
      return undefined;
  }
}

const NOTED: Readonly<Record<string, string>> = {
  token_created: "Made a token",
  token_rotated: "Rotated a token",
  token_revoked: "Revoked a token",
  alert_acknowledged: "Acknowledged an alert",
  approved: "Confirmed a call",
  broken_glass: "Broke the glass",
};
