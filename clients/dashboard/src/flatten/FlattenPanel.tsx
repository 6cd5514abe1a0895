import { Stack } from "@mantine/core";
import { useCallback, useEffect, useRef, useState } from "react";

import type { Press } from "../desk/desk.ts";
import { useDesk, useRights, useRows } from "../desk/hooks.ts";
import type { Aim } from "./aim.ts";
import { type Choice, choiceOf } from "./choice.ts";
import classes from "./flatten.module.css";
import { PressForm, type Refused } from "./PressForm.tsx";
import { PressLine } from "./PressLine.tsx";
import { PressProgress } from "./PressProgress.tsx";
import type { Refusal } from "./refusal.ts";
import { waitingOf } from "./useConfirmed.ts";
import type { Seen } from "./usePlan.ts";

interface FlattenPanelProps {
  readonly aim: Aim;
  readonly onClose: () => void;
  /** Told which press is being looked at. */
  readonly onShow: (press: Press | undefined) => void;
}

/** Either what to close is being chosen, or one press is followed: never both. */
export default function FlattenPanel({ aim, onClose, onShow }: FlattenPanelProps) {
  const desk = useDesk();
  const { closes } = useRights();
  const [choice, setChoice] = useState<Choice>(() => choiceOf(aim, desk.positions.board.rows));
  const [press, setPress] = useState<Press | undefined>(() =>
    aim.press === undefined ? undefined : desk.presses.get(aim.press),
  );
  const [refused, setRefused] = useState<Refused>();
  const seen = useRef<Seen>(undefined);
  const others = useRows(desk.presses);
  const panel = useRef<HTMLDivElement>(null);
  const shown = useRef(press);
  useEffect(() => {
    // The drawer looked for it before it was fetched.
    const first = panel.current?.querySelector<HTMLElement>("[data-autofocus]");
    (first ?? panel.current)?.focus();
  }, []);
  useEffect(() => {
    onShow(press);
    if (shown.current === press) return;
    shown.current = press;
    panel.current?.focus(); // what had the focus is gone
  }, [press, onShow]);
  const again = useCallback(
    (refusal?: Refusal) => {
      const known = press && desk.presses.get(press.key);
      const isSeen = known?.story.isOver === true && waitingOf(known) === undefined;
      if (isSeen) desk.presses.remove(known.key);
      setRefused(refusal && { refusal, seen: seen.current });
      setPress(undefined);
    },
    [desk, press],
  );
  if (!closes) return <p>This token has no role that closes.</p>;
  return (
    <div
      ref={panel}
      className={classes.drawer}
      tabIndex={-1}
      role="group"
      aria-label={press === undefined ? "What to close" : "What becomes of it"}
    >
      {press === undefined ? (
        <>
          {others.length > 0 && (
            <Stack gap={6} mb="md">
              {others.map((other) => (
                <PressLine key={other.key} press={other} onLook={setPress} />
              ))}
            </Stack>
          )}
          <PressForm
            aim={aim}
            choice={choice}
            onChange={(change) => {
              setChoice((before) => ({ ...before, ...change }));
            }}
            refused={refused}
            onPressed={(made, plan) => {
              seen.current = plan;
              setRefused(undefined);
              setPress(made);
            }}
          />
        </>
      ) : (
        <PressProgress key={press.key} press={press} onAgain={again} onClose={onClose} />
      )}
    </div>
  );
}
