import { Badge } from "@mantine/core";

import { verdictOf } from "./outcomes.ts";

interface OutcomeBadgeProps {
  readonly outcome: string;
  /** Where what went wrong must be seen from across the room. */
  readonly isLoud?: boolean;
}

const WRONG = new Set(["red", "grape"]);

/** CLOSED, FAILED, UNKNOWN: a word first, and a colour. */
export function OutcomeBadge({ outcome, isLoud = false }: OutcomeBadgeProps) {
  const { word, color } = verdictOf(outcome);
  return (
    <Badge color={color} variant={isLoud && WRONG.has(color) ? "filled" : "light"} radius="sm">
      {word}
    </Badge>
  );
}
