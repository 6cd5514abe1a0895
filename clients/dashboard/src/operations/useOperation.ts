/** What `GetOperation` says of one operation, with all of its legs, asked again as it goes on. */
import { useEffect, useState } from "react";
import {
  type ClientError,
  ConnectionLost,
  type DetailedLeg,
  type OperationDetail,
} from "rpcclient";

import { useConnection, useDesk, useStory } from "../desk/hooks.ts";
import type { Desk } from "../desk/desk.ts";
import type { Story } from "../desk/story.ts";

const PAGE = 500;
const SETTLE_MS = 200; // accounts are planned one after the other

export interface Operation {
  readonly operation: OperationDetail | undefined;
  readonly legs: ReadonlyMap<number, DetailedLeg>;
  readonly error: ClientError | undefined;
}

const NOTHING: Operation = { operation: undefined, legs: new Map(), error: undefined };

/** Asked again whenever *story* has other legs, and once more at its end. */
export function useOperation(operationId: string | undefined, story: Story | undefined): Operation {
  const desk = useDesk();
  const isLive = useConnection().is === "live";
  useStory(story);
  const [known, setKnown] = useState<{ id: string; operation: Operation }>();
  const stage = `${story?.total ?? 0} ${story?.isOver ?? false}`;
  useEffect(() => {
    if (operationId === undefined || !isLive) return;
    let isWanted = true;
    const ask = async () => {
      try {
        const operation = await readAll(desk, operationId);
        if (isWanted) setKnown({ id: operationId, operation });
      } catch (error) {
        if (!isWanted || error instanceof ConnectionLost) return;
        setKnown({ id: operationId, operation: { ...NOTHING, error: error as ClientError } });
      }
    };
    const timer = setTimeout(() => void ask(), SETTLE_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [desk, operationId, stage, isLive]);
  return known?.id === operationId && known !== undefined ? known.operation : NOTHING;
}

async function readAll(desk: Desk, operationId: string): Promise<Operation> {
  const legs = new Map<number, DetailedLeg>();
  let after = 0;
  for (;;) {
    const page = await desk.client.call("GetOperation", { operationId, after, limit: PAGE });
    for (const leg of page.legs) legs.set(leg.leg, leg);
    if (page.next === undefined) return { operation: page.operation, legs, error: undefined };
    after = page.next;
  }
}
