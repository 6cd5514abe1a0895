/** A press that waits for a second person, until it is confirmed. */
import { useEffect } from "react";
import { RpcError } from "rpcclient";

import type { Press } from "../desk/desk.ts";
import { useDesk } from "../desk/hooks.ts";

const LOOK_EVERY_MS = 2_000;

/** The refusal that tells of the code; undefined: *press* waits for nobody. */
export function waitingOf(press: Press): RpcError | undefined {
  const { error } = press.story;
  return error instanceof RpcError && error.code === "approval_required" ? error : undefined;
}

export function expiryOf(waiting: RpcError): number {
  const at = waiting.data["approvalExpiresAt"];
  return typeof at === "string" ? Date.parse(at) : 0;
}

/**
 * Look for the operation that *press* has become, and let the press go on as that.
 *
 * It is only looked for, by the key of the press, and never sent again: whatever else changes
 * meanwhile, no call leaves from here.
 */
export function useConfirmed(press: Press): void {
  const desk = useDesk();
  const isWaiting = waitingOf(press) !== undefined;
  useEffect(() => {
    if (!isWaiting) return;
    let isWanted = true;
    const look = async () => {
      if (desk.client.state.is !== "live") return; // hours of questions would wait for the server
      const operationId = await find(press.key).catch(() => undefined); // asked again anyway
      if (!isWanted || operationId === undefined) return;
      desk.presses.put({ ...press, story: desk.follow(operationId) });
    };
    const find = async (key: string) => {
      const { operations } = await desk.client.call("ListOperations", { limit: 100 });
      return operations.find((one) => one.idempotencyKey === key && !one.dryRun)?.operationId;
    };
    const timer = setInterval(() => void look(), LOOK_EVERY_MS);
    return () => {
      isWanted = false;
      clearInterval(timer);
    };
  }, [desk, press, isWaiting]);
}
