import type { OrderAnswer, RpcClient } from "rpcclient";
import { useEffect, useState } from "react";

import { useConnection, useDesk } from "../desk/hooks.ts";
import { lineOfAnswer, type OrderLine } from "./lines.ts";

const PAGE = 500;
const PAGES_MAX = 10;

/**
 * What the venues still know of orders that have ended, read anew after every connection.
 *
 * A channel tells only what ends while we listen.
 */
export function useRecentOrders(): readonly OrderLine[] {
  const { client } = useDesk();
  const isLive = useConnection().is === "live";
  const [lines, setLines] = useState<readonly OrderLine[]>([]);
  useEffect(() => {
    if (!isLive) return;
    let isWanted = true;
    readOrders(client).then(
      (orders) => {
        if (isWanted) setLines(orders.map(lineOfAnswer));
      },
      () => undefined, // what was read before stays; the connection's state says how old it is
    );
    return () => {
      isWanted = false;
    };
  }, [client, isLive]);
  return lines;
}

/** Page by page: the oldest stand first. */
async function readOrders(client: RpcClient): Promise<readonly OrderAnswer[]> {
  const found: OrderAnswer[] = [];
  let after: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { orders, next } = await client.call("GetAllOrders", {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    found.push(...orders);
    if (next === undefined) break;
    after = String(next);
  }
  return found;
}
