import { Badge } from "@mantine/core";

import { verdictOf } from "./outcomes.ts";

interface OutcomeBadgeProps {
  readonly outcome: string;
}

/** CLOSED, FAILED, UNKNOWN: a word first, and a colour. */
export function OutcomeBadge({ outcome }: OutcomeBadgeProps) {
  const { word, color } = verdictOf(outcome);
  return (
    <Badge color={color} variant="light" radius="sm">
      {word}
    </Badge>
  );
}
