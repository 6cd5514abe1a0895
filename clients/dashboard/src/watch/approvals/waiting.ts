/** Which calls wait for whom, and how long they still do. */
import type { ApprovalAnswer } from "rpcclient";

/** Milliseconds until nobody can confirm *approval* any more; *now* is the server's. */
export function leftOf(approval: ApprovalAnswer, now: number): number {
  return Math.max(0, Date.parse(approval.expiresAt) - now);
}

/** Those that *principal* may confirm: nobody confirms their own. The next to expire first. */
export function waitingFor(
  principal: string,
  approvals: readonly ApprovalAnswer[],
  now: number,
): readonly ApprovalAnswer[] {
  return approvals
    .filter((approval) => approval.principal !== principal && leftOf(approval, now) > 0)
    .sort((one, other) => Date.parse(one.expiresAt) - Date.parse(other.expiresAt));
}
