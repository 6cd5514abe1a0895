import { Paper, Stack, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface PartProps {
  readonly title: string;
  readonly children: ReactNode;
}

/** Settings that belong together. */
export function Part({ title, children }: PartProps) {
  return (
    <Paper withBorder p="md" component="section" aria-label={title}>
      <Stack gap="sm">
        <Title order={2} size="h5">
          {title}
        </Title>
        {children}
      </Stack>
    </Paper>
  );
}
