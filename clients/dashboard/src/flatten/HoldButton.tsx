import { Text } from "@mantine/core";
import { type KeyboardEvent, type PointerEvent, useEffect, useId, useRef, useState } from "react";

import classes from "./HoldButton.module.css";

export const HOLD_MS = 1000;

interface HoldButtonProps {
  readonly label: string;
  /** Why it cannot be held now; undefined: it can. */
  readonly obstacle: string | undefined;
  /** Called once: give a new `key` to what may be held anew. */
  readonly onHeld: () => void;
}

type Phase = "idle" | "holding" | "released" | "held";

const SAID: Readonly<Record<Phase, string>> = {
  idle: "Hold for one second, with the pointer, Space or Enter. Let go, and nothing is sent.",
  holding: "Keep holding…",
  released: "Let go too early: nothing was sent.",
  held: "Sent.",
};

/**
 * Nothing happens unless it is held for a whole second.
 *
 * It is let go by whatever is no clear will: the pointer leaves, the focus goes elsewhere, Escape,
 * another tab. It may be taken from the page while it is held, as when the plan changes under it:
 * then nothing was sent either.
 */
export function HoldButton({ label, obstacle, onHeld }: HoldButtonProps) {
  const [phase, setPhase] = useState<Phase>("idle");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const isSpent = useRef(false);
  const hint = useId();
  if (phase === "holding" && obstacle !== undefined) setPhase("released");
  const isHolding = phase === "holding" && obstacle === undefined;

  const letGo = () => {
    clearTimeout(timer.current);
    setPhase((before) => (before === "holding" ? "released" : before));
  };
  const begin = () => {
    if (obstacle !== undefined || isSpent.current || phase === "holding") return;
    setPhase("holding");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      if (isSpent.current) return;
      isSpent.current = true;
      setPhase("held");
      onHeld();
    }, HOLD_MS);
  };

  useEffect(() => {
    const stop = () => {
      clearTimeout(timer.current);
    };
    if (obstacle !== undefined) stop();
    return stop;
  }, [obstacle]);
  useEffect(() => {
    if (!isHolding) return;
    const stop = () => {
      clearTimeout(timer.current);
      setPhase("released");
    };
    document.addEventListener("visibilitychange", stop);
    window.addEventListener("blur", stop);
    return () => {
      document.removeEventListener("visibilitychange", stop);
      window.removeEventListener("blur", stop);
    };
  }, [isHolding]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") letGo();
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) begin();
  };
  const onKeyUp = (event: KeyboardEvent) => {
    if (event.key === " " || event.key === "Enter") letGo();
  };
  const onPointerDown = (event: PointerEvent) => {
    if (event.button === 0 && event.isPrimary) begin();
  };
  const said = obstacle ?? SAID[phase];
  return (
    <div>
      <button
        type="button"
        className={classes.button}
        data-holding={isHolding}
        data-mantine-stop-propagation={isHolding} // Escape lets go; it closes nothing
        aria-disabled={obstacle !== undefined}
        aria-describedby={hint}
        onPointerDown={onPointerDown}
        onPointerUp={letGo}
        onPointerLeave={letGo}
        onPointerCancel={letGo}
        onKeyDown={onKeyDown}
        onKeyUp={onKeyUp}
        onBlur={letGo}
        onContextMenu={(event) => {
          event.preventDefault(); // a long touch
        }}
      >
        <span className={classes.fill} style={{ animationDuration: `${HOLD_MS}ms` }} />
        <span className={classes.label}>{label}</span>
      </button>
      <Text id={hint} size="xs" c="dimmed" mt={4} ta="center" role="status">
        {said}
      </Text>
    </div>
  );
}
