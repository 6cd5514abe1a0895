import { OutcomeUnknown, type PlaceOrderArgs, RpcError } from "rpcclient";
import { useCallback, useRef, useState } from "react";

import { explain, useDesk } from "../desk/hooks.ts";

const ORDER_GOOD_MS = 5_000; // prices move on: what waits for a connection longer is not sent

/** What became of an order that left: the venue has it, or nobody knows. */
export type PlacingEnd =
  | { readonly is: "placed"; readonly orderId: string; readonly state: string | undefined }
  | { readonly is: "unknown"; readonly orderId: string | undefined };

export interface Refusal {
  readonly title: string;
  readonly detail: string;
}

interface Placing {
  readonly place: (args: PlaceOrderArgs) => Promise<void>;
  readonly isBusy: boolean;
  /** Nothing was sent to the venue, or the venue said no. */
  readonly refusal: Refusal | undefined;
  readonly end: PlacingEnd | undefined;
  readonly again: () => void;
}

/**
 * Send an order once.
 *
 * A second press while the first is under way does nothing; after it, the form is gone until
 * somebody asks for another. An order whose answer was lost is not sent again.
 */
export function usePlacing(): Placing {
  const { client, lost } = useDesk();
  const isUnderWay = useRef(false);
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
  const [end, setEnd] = useState<PlacingEnd>();
  const place = useCallback(
    async (args: PlaceOrderArgs) => {
      if (isUnderWay.current) return;
      isUnderWay.current = true;
      setBusy(true);
      setRefusal(undefined);
      try {
        const { orderId, orderState } = await client.call("PlaceOrder", args, {
          goodForMs: ORDER_GOOD_MS,
        });
        setEnd({ is: "placed", orderId, state: orderState });
      } catch (error) {
        if (!isLost(error)) {
          setRefusal(refusalOf(error));
          return;
        }
        const orderId = nameIn(error);
        setEnd({ is: "unknown", orderId });
        if (orderId === undefined) return;
        const { account, instrument, action, quantity } = args;
        const at = new Date(client.serverNow()).toISOString();
        lost.put({ orderId, account, instrument, side: action, quantity: String(quantity), at });
      } finally {
        isUnderWay.current = false;
        setBusy(false);
      }
    },
    [client, lost],
  );
  const again = useCallback(() => {
    setEnd(undefined);
    setRefusal(undefined);
  }, []);
  return { place, isBusy, refusal, end, again };
}

const LOST = new Set(["outcome_unknown", "journal_broken", "internal"]);

/** Whether the order may be at the venue in spite of this answer. */
export function isLost(error: unknown): error is RpcError {
  return error instanceof OutcomeUnknown || (error instanceof RpcError && LOST.has(error.code));
}

export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof RpcError)) {
    return { title: "Not sent", detail: (error as Error).message };
  }
  const title = error.code === "halted" ? "New risk is halted" : "Not placed";
  return { title, detail: `${explain(error)} (${error.code.replaceAll("_", " ")})` };
}

function nameIn({ data }: RpcError): string | undefined {
  return typeof data["orderId"] === "string" ? data["orderId"] : undefined;
}
