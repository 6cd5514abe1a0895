import { Paper, Text } from "@mantine/core";
import type { ReactNode } from "react";

import classes from "./Health.module.css";

interface FactProps {
  readonly title: string;
  /** How it stands, in a word or two. */
  readonly word: string;
  readonly tone: "good" | "bad" | "unsure";
  readonly children?: ReactNode;
}

/** One thing that is well or not, and why. */
export function Fact({ title, word, tone, children }: FactProps) {
  return (
    <Paper
      withBorder
      p="md"
      className={classes.fact}
      data-tone={tone}
      role="group"
      aria-label={title}
    >
      <Text size="sm" c="dimmed">
        {title}
      </Text>
      <Text className={classes.word}>{word}</Text>
      {children}
    </Paper>
  );
}

/** Names and figures, a line each. */
export function Figures({ of }: { readonly of: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={classes.figures}>
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
