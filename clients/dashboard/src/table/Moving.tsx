/** A figure that is tinted for a moment when it changes: up or down. */
import { type ReactNode, useEffect, useRef } from "react";

import classes from "./Moving.module.css";

const TINTED_MS = 400;

interface MovingProps {
  readonly value: number | undefined;
  readonly children: ReactNode;
}

/** Two changes of style, no animation: hundreds of them at once cost next to nothing. */
export function Moving({ value, children }: MovingProps) {
  const figure = useRef<HTMLSpanElement>(null);
  const before = useRef(value);
  useEffect(() => {
    const was = before.current;
    before.current = value;
    const element = figure.current;
    if (element === null || was === undefined || value === undefined || was === value) return;
    element.dataset["move"] = value > was ? "up" : "down";
    const timer = setTimeout(() => {
      delete element.dataset["move"];
    }, TINTED_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [value]);
  return (
    <span ref={figure} className={classes.figure}>
      {children}
    </span>
  );
}
