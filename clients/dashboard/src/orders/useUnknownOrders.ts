import { useCallback, useEffect, useMemo, useState } from "react";
import type { ClientError } from "rpcclient";

import { explain, useDesk, useRows } from "../desk/hooks.ts";
import { findUnknown, openQuestions, suspectsAmong, type UnknownOrder } from "./unknown.ts";

const ASK_EVERY_MS = 10_000;

interface UnknownOrders {
  readonly orders: readonly UnknownOrder[];
  /** Why it could not be asked: then an order may be unknown that is not among them. */
  readonly problem: string | undefined;
  readonly refresh: () => void;
}

/** Orders whose fate is unknown now: looked for when an alert or an operation gives cause to. */
export function useUnknownOrders(): UnknownOrders {
  const { client, alerts, operations, lost } = useDesk();
  const told = useRows(alerts);
  const ended = useRows(operations);
  const sent = useRows(lost);
  const questions = useMemo(() => openQuestions(told), [told]);
  const suspects = useMemo(() => suspectsAmong(ended), [ended]);
  const cause = `${questions.map(({ auditSeq }) => auditSeq).join()} ${suspects.join()} ${sent.length}`;
  const [orders, setOrders] = useState<readonly UnknownOrder[]>([]);
  const [problem, setProblem] = useState<string>();
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    let isWanted = true;
    findUnknown(client, questions, suspects, sent).then(
      (found) => {
        if (!isWanted) return;
        setOrders(found);
        setProblem(undefined);
      },
      (error: unknown) => {
        if (isWanted) setProblem(explain(error as ClientError)); // what was unknown stays so
      },
    );
    return () => {
      isWanted = false;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `cause` stands for them
  }, [client, cause, asked]);
  const refresh = useCallback(() => {
    setAsked((times) => times + 1);
  }, []);
  const isAnyUnknown = orders.length > 0 || problem !== undefined;
  useEffect(() => {
    if (!isAnyUnknown) return;
    const timer = setInterval(() => {
      if (client.state.is === "live") refresh();
    }, ASK_EVERY_MS);
    return () => {
      clearInterval(timer);
    };
  }, [client, isAnyUnknown, refresh]);
  return { orders, problem, refresh };
}
