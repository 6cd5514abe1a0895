import type { ClientError, QueryAuditArgs } from "rpcclient";
import { useCallback, useEffect, useRef, useState } from "react";

import { useDesk, useRows } from "../desk/hooks.ts";
import { begun, extended, type Log, renewed, seen } from "./log.ts";

const PAGE = 100;
const LOOK_MS = 15_000; // for ends of operations that this token is not told of

export interface ExitLog {
  /** Undefined until the first page came. */
  readonly log: Log | undefined;
  readonly error: ClientError | undefined;
  readonly isReading: boolean;
  readonly more: () => void;
  readonly markSeen: () => void;
}

interface State {
  /** The question that `log` answers. */
  readonly question: string;
  readonly log: Log | undefined;
  readonly error: ClientError | undefined;
}

/** The exit log as *args* narrow it: page by page backwards, and forwards as operations end. */
export function useExitLog(args: QueryAuditArgs): ExitLog {
  const { client, operations } = useDesk();
  const question = JSON.stringify(args);
  const [state, setState] = useState<State>({ question, log: undefined, error: undefined });
  const [isReadingMore, setReadingMore] = useState(false);
  const newest = useRef(question); // what is asked now: answers to older questions come too late

  /** Ask, and take the answer in if it is still wanted. */
  const read = useCallback(
    async (
      asked: QueryAuditArgs,
      take: (log: Log | undefined, answer: Parameters<typeof begun>[0]) => Log,
    ) => {
      const before = newest.current;
      try {
        const answer = await client.call("QueryAudit", { ...asked, limit: PAGE });
        if (newest.current !== before) return;
        setState(({ question: known, log }) => ({
          question: before,
          log: take(known === before ? log : undefined, answer),
          error: undefined,
        }));
      } catch (error) {
        if (newest.current !== before) return;
        setState((state) => ({
          question: before,
          log: state.question === before ? state.log : undefined,
          error: error as ClientError,
        }));
      }
    },
    [client],
  );

  const renew = useCallback(() => {
    const asked = JSON.parse(newest.current) as QueryAuditArgs;
    return read({ ...asked, summary: true }, (log, answer) =>
      log === undefined ? begun(answer) : renewed(log, answer),
    );
  }, [read]);

  const ended = useRows(operations)
    .filter(({ status, dryRun }) => status !== "running" && dryRun !== true)
    .map(({ operationId }) => operationId)
    .join();
  useEffect(() => {
    newest.current = question;
    void renew();
  }, [question, ended, renew]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (client.state.is === "live") void renew();
    }, LOOK_MS);
    return () => {
      clearInterval(timer);
    };
  }, [client, renew]);

  const log = state.question === question ? state.log : undefined;
  const before = log?.next;
  const more = useCallback(() => {
    if (before === undefined) return;
    const asked = JSON.parse(newest.current) as QueryAuditArgs;
    setReadingMore(true);
    void read({ ...asked, before }, (known, older) =>
      known === undefined ? begun(older) : extended(known, older),
    ).finally(() => {
      setReadingMore(false);
    });
  }, [before, read]);
  const markSeen = useCallback(() => {
    setState((known) => ({ ...known, log: known.log && seen(known.log) }));
  }, []);
  const error = state.question === question ? state.error : undefined;
  const isReading = isReadingMore || (log === undefined && error === undefined);
  return { log, error, isReading, more, markSeen };
}
