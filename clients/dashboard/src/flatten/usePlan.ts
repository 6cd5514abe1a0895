/** The plan of what is chosen: asked for when that changes, and again before it is too old. */
import { useCallback, useEffect, useRef, useState } from "react";
import { type ClientError, ConnectionLost, type PlanAnswer } from "rpcclient";

import { useConnection, useDesk } from "../desk/hooks.ts";
import type { Wanted } from "./choice.ts";
import { differences, PLAN_LIVES_MS } from "./plan.ts";

const SETTLE_MS = 250; // somebody may still be typing
const RENEW_MS = 40_000;
const RENEWALS_MAX = 10; // then nobody looks any more, and the plan runs out
const SAFETY_MS = 3_000; // a hold and its way to the server take time, too

export interface Planned {
  /** The newest plan of what is chosen now; undefined while there is none. */
  readonly plan: PlanAnswer | undefined;
  /** When it was asked for, on this machine's clock. */
  readonly askedAt: number;
  /** How it differs from what stood here before, for the same choice. */
  readonly changes: readonly string[];
  readonly error: ClientError | undefined;
  readonly isAsking: boolean;
  /** Since when it is asked for without an answer. */
  readonly askingSince: number | undefined;
  readonly refresh: () => void;
}

interface Answered {
  readonly question: string;
  readonly plan?: PlanAnswer;
  readonly askedAt: number;
  readonly changes: readonly string[];
  readonly error?: ClientError;
}

const NO_CHANGES: readonly string[] = [];

export function isTooOld(askedAt: number, now: number): boolean {
  return now - askedAt > PLAN_LIVES_MS - SAFETY_MS;
}

/** The plan that a press was made of, which turned out to be no longer so. */
export interface Seen {
  readonly wanted: Wanted;
  readonly plan: PlanAnswer;
}

/**
 * Nothing is asked for while *wanted* is no call, or nothing can be heard.
 *
 * *seen* is what the first plan is held against, where it was of the same call.
 */
export function usePlan(wanted: Wanted, seen?: Seen): Planned {
  const { client } = useDesk();
  const isLive = useConnection().is === "live";
  const question = questionOf(wanted);
  const [answered, setAnswered] = useState<Answered | undefined>(
    () => seen && { question: questionOf(seen.wanted), plan: seen.plan, askedAt: 0, changes: [] },
  );
  const [asked, setAsked] = useState(0);
  const [askingSince, setAskingSince] = useState<number>();
  const renewals = useRef(0);

  const refresh = useCallback(() => {
    renewals.current = 0;
    setAsked((times) => times + 1);
  }, []);

  useEffect(() => {
    renewals.current = 0;
  }, [question]);

  useEffect(() => {
    if (question === "" || !isLive) return;
    let isWanted = true;
    const ask = async () => {
      const [api, args] = JSON.parse(question) as ["Flatten", object];
      const askedAt = Date.now();
      setAskingSince(askedAt);
      try {
        const plan = await client.call(api, { ...args, dryRun: true }, { progress: false });
        if (isWanted) setAnswered((before) => after(before, question, plan, askedAt));
      } catch (error) {
        if (!isWanted || error instanceof ConnectionLost) return;
        const refusal = error as ClientError;
        setAnswered({ question, askedAt, changes: NO_CHANGES, error: refusal });
      }
      if (isWanted) setAskingSince(undefined);
    };
    const timer = setTimeout(() => void ask(), SETTLE_MS);
    const renewal = setInterval(() => {
      if (document.hidden || renewals.current >= RENEWALS_MAX) return;
      renewals.current += 1;
      setAsked((times) => times + 1);
    }, RENEW_MS);
    return () => {
      isWanted = false;
      setAskingSince(undefined);
      clearTimeout(timer);
      clearInterval(renewal);
    };
  }, [client, question, asked, isLive]);

  const isOfThis = answered?.question === question && question !== "" && answered.askedAt > 0;
  return {
    plan: isOfThis ? answered.plan : undefined,
    askedAt: isOfThis ? answered.askedAt : 0,
    changes: isOfThis ? answered.changes : NO_CHANGES,
    error: isOfThis ? answered.error : undefined,
    isAsking: question !== "" && (askingSince !== undefined || !isOfThis),
    askingSince,
    refresh,
  };
}

function questionOf(wanted: Wanted): string {
  return wanted.api === undefined ? "" : JSON.stringify([wanted.api, wanted.args]);
}

function after(
  before: Answered | undefined,
  question: string,
  plan: PlanAnswer,
  askedAt: number,
): Answered {
  const known = before?.question === question ? before.plan : undefined;
  const isSame = known?.planHash === plan.planHash;
  // A change that was told stays told until the next one.
  const changes =
    known === undefined
      ? NO_CHANGES
      : isSame
        ? (before?.changes ?? NO_CHANGES)
        : differences(known, plan);
  return { question, plan, askedAt, changes };
}
