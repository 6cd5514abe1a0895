/** The desk, for React. */
import {
  type AnswerOf,
  type ApiName,
  type ArgsOf,
  type Call,
  type ClientError,
  type ConnectionState,
  RpcError,
} from "rpcclient";
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";

import type { Asked } from "./asked.ts";
import type { Board } from "./board.ts";
import type { Desk, Profit } from "./desk.ts";
import { type Rights, rightsOf } from "./rights.ts";
import type { Shown } from "./sight.ts";
import type { Story } from "./story.ts";

export const DeskContext = createContext<Desk | undefined>(undefined);

/** The desk that this page is signed in at. */
export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === undefined) throw new Error("nobody is signed in here");
  return desk;
}

export function useRights(): Rights {
  const roles = useDesk().client.authenticated?.roles;
  return useMemo(() => rightsOf(roles ?? []), [roles]);
}

export function useConnection(): ConnectionState {
  const { connection } = useDesk();
  const watch = useCallback((tell: () => void) => connection.watch(tell), [connection]);
  return useSyncExternalStore(watch, () => connection.state);
}

/** Whether what is shown is what is; to be connected is not enough. */
export function useShown(): Shown {
  const { sight } = useDesk();
  const watch = useCallback((tell: () => void) => sight.watch(tell), [sight]);
  return useSyncExternalStore(watch, () => sight.shown);
}

/** Venues that are not reached now; `isSilent`: nothing is heard of any. */
export function useUnreached(): { readonly venues: readonly string[]; readonly isSilent: boolean } {
  const { sight } = useDesk();
  const watch = useCallback((tell: () => void) => sight.watch(tell), [sight]);
  const venues = useSyncExternalStore(watch, () => sight.unreached);
  const isSilent = useSyncExternalStore(watch, () => sight.isSilent);
  return { venues, isSilent };
}

/** Why nothing can be done now that needs *right*; undefined where nothing stands in the way. */
export function useObstacle(right: keyof Rights): string | undefined {
  const may = useRights()[right];
  const connection = useConnection();
  if (!may) return `This token has no role that ${DOES[right]}.`;
  if (connection.is !== "live") return "Not connected: nothing can be sent now.";
  return undefined;
}

const DOES: Readonly<Record<keyof Rights, string>> = {
  opens: "opens risk",
  closes: "closes or cancels",
  overrides: "says what became of an unknown order",
  halts: "halts",
  releases: "releases",
  administers: "administers",
  confirms: "is a second person",
  goesAlone: "goes alone",
  oversees: "oversees",
};

/** The newest answer of what is asked again and again; undefined until there is one. */
export function useAsked<Answer>(asked: Asked<Answer>): Answer | undefined {
  const watch = useCallback((tell: () => void) => asked.watch(tell), [asked]);
  return useSyncExternalStore(watch, () => asked.answer);
}

/** Every row of a board, as often as it changes and the screen is drawn, or every *everyMs*. */
export function useRows<Row>(board: Board<Row>, everyMs = 0): readonly Row[] {
  const watch = useCallback(
    (tell: () => void) => (everyMs === 0 ? board.watch(tell) : board.watchEvery(everyMs, tell)),
    [board, everyMs],
  );
  return useSyncExternalStore(watch, () => board.rows);
}

export function useRow<Row>(board: Board<Row>, key: string): Row | undefined {
  const watch = useCallback((tell: () => void) => board.watchRow(key, tell), [board, key]);
  return useSyncExternalStore(watch, () => board.get(key));
}

export function useProfits(): readonly Profit[] {
  const desk = useDesk();
  const watch = useCallback((tell: () => void) => desk.watchProfits(tell), [desk]);
  return useSyncExternalStore(watch, () => desk.profits);
}

/** Draw again whenever *story* goes on. Give `version` to what is remembered of it. */
export function useStory(story: Story | undefined): number {
  const watch = useCallback((tell: () => void) => story?.watch(tell) ?? (() => undefined), [story]);
  return useSyncExternalStore(watch, () => story?.version ?? 0);
}

/** The time now, told anew every *everyMs*. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, everyMs);
    return () => {
      clearInterval(timer);
    };
  }, [everyMs]);
  return now;
}

/** What the server answered to a question, and whether it is being asked again. */
export interface Answered<Answer> {
  readonly answer: Answer | undefined;
  /** Why the newest question has no answer; what was answered before is still there. */
  readonly error: ClientError | undefined;
  readonly isAsking: boolean;
  readonly refresh: () => void;
}

/**
 * Ask a reading call, again when *args* change and every *everyMs*.
 *
 * *args* are compared by what they say, not by identity.
 */
export function useAnswer<Api extends ApiName>(
  api: Api,
  args: ArgsOf<Api>,
  { everyMs }: { readonly everyMs?: number } = {},
): Answered<AnswerOf<Api>> {
  const desk = useDesk();
  const text = JSON.stringify(args);
  const [asked, setAsked] = useState(0);
  const question = `${String(asked)} ${api} ${text}`;
  const [state, setState] = useState<{
    readonly question?: string;
    readonly answer?: AnswerOf<Api>;
    readonly error?: ClientError;
  }>({});
  const isUnderWay = useRef(false);
  useEffect(() => {
    let isWanted = true;
    isUnderWay.current = true;
    ask(desk, api, JSON.parse(text) as ArgsOf<Api>).then(
      (answer) => {
        if (!isWanted) return;
        isUnderWay.current = false;
        setState({ question, answer });
      },
      (error: unknown) => {
        if (!isWanted) return;
        isUnderWay.current = false;
        setState((before) => ({ ...before, question, error: error as ClientError }));
      },
    );
    return () => {
      isWanted = false;
    };
  }, [desk, api, text, question]);
  const refresh = useCallback(() => {
    setAsked((times) => times + 1);
  }, []);
  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => {
      // What is asked in vain for an hour is asked once: not an hour of questions, all at once.
      if (!isUnderWay.current) refresh();
    }, everyMs);
    return () => {
      clearInterval(timer);
    };
  }, [everyMs, refresh]);
  const isAsking = state.question !== question;
  return { answer: state.answer, error: state.error, isAsking, refresh };
}

/** Something that a person does, and what the server said to it. */
export interface Action<Api extends ApiName> {
  /** Undefined if it was refused: `error` says why. */
  readonly run: (args: ArgsOf<Api>) => Promise<AnswerOf<Api> | undefined>;
  readonly isBusy: boolean;
  readonly error: ClientError | undefined;
  readonly forget: () => void;
}

/** Let a person call *api*; a second press while the first is under way does nothing. */
export function useAction<Api extends ApiName>(api: Api): Action<Api> {
  const desk = useDesk();
  const isUnderWay = useRef(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<ClientError>();
  const run = useCallback(
    async (args: ArgsOf<Api>) => {
      if (isUnderWay.current) return undefined;
      isUnderWay.current = true;
      setBusy(true);
      setError(undefined);
      try {
        return await ask(desk, api, args);
      } catch (refusal) {
        setError(refusal as ClientError);
        return undefined;
      } finally {
        isUnderWay.current = false;
        setBusy(false);
      }
    },
    [desk, api],
  );
  const forget = useCallback(() => {
    setError(undefined);
  }, []);
  return { run, isBusy, error, forget };
}

/** What to say to a person about *error*. */
export function explain(error: ClientError): string {
  if (!(error instanceof RpcError)) return error.message;
  return error.detail === "" ? error.code.replaceAll("_", " ") : error.detail;
}

function ask<Api extends ApiName>(desk: Desk, api: Api, args: ArgsOf<Api>): Call<AnswerOf<Api>> {
  const client = desk.client as { call(api: Api, args: ArgsOf<Api>): Call<AnswerOf<Api>> };
  return client.call(api, args);
}
