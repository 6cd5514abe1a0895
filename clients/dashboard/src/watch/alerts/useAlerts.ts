import type { AlertItem, ClientError, ListAlertsArgs } from "rpcclient";
import { useCallback, useEffect, useMemo, useState } from "react";

import { useDesk, useRows } from "../../desk/hooks.ts";
import { type AlertFilters, merged } from "./list.ts";

const PAGE = 100;

interface Pages {
  readonly question: string;
  readonly alerts: readonly AlertItem[];
  readonly next: number | undefined;
  readonly error: ClientError | undefined;
}

export interface Alerts {
  readonly alerts: readonly AlertItem[];
  /** Undefined where there are no older ones. */
  readonly more: (() => void) | undefined;
  readonly error: ClientError | undefined;
  readonly isReading: boolean;
}

/** Alerts as *filters* narrow them: from the journal page by page, and as they happen. */
export function useAlerts(filters: AlertFilters): Alerts {
  const { client, alerts: board } = useDesk();
  const heard = useRows(board);
  const question = JSON.stringify(argsOf(filters));
  const [pages, setPages] = useState<Pages>();
  const known = pages?.question === question ? pages : undefined;

  const read = useCallback(
    (asked: string, before?: number) => {
      const args = JSON.parse(asked) as ListAlertsArgs;
      const page = { ...args, limit: PAGE, ...(before === undefined ? {} : { before }) };
      client.call("ListAlerts", page).then(
        ({ alerts, next }) => {
          setPages((older) => ({
            question: asked,
            alerts: [...(before === undefined ? [] : (older?.alerts ?? [])), ...alerts],
            next: next === undefined ? undefined : Number(next),
            error: undefined,
          }));
        },
        (error: unknown) => {
          setPages({
            question: asked,
            alerts: [],
            next: undefined,
            error: error as ClientError,
          });
        },
      );
    },
    [client],
  );
  useEffect(() => {
    read(question);
  }, [read, question]);

  const next = known?.next;
  const alerts = useMemo(
    () => merged(known?.alerts ?? [], heard, filters),
    [known, heard, filters],
  );
  const more = useCallback(() => {
    read(question, next);
  }, [read, question, next]);
  return {
    alerts,
    more: next === undefined ? undefined : more,
    error: known?.error,
    isReading: known === undefined,
  };
}

function argsOf({ code, account, isOpenOnly }: AlertFilters): ListAlertsArgs {
  return {
    ...(code === "" ? {} : { code }),
    ...(account.trim() === "" ? {} : { account: account.trim() }),
    ...(isOpenOnly ? { open: true } : {}),
  };
}
