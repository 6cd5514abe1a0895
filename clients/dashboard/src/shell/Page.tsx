import { Group, Stack, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface PageProps {
  readonly title: string;
  /** Beside the title: what can be done here. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** What every view stands in. */
export function Page({ title, actions, children }: PageProps) {
  return (
    <Stack gap="md" h="100%">
      <Group justify="space-between">
        <Title order={1} size="h3">
          {title}
        </Title>
        {actions}
      </Group>
      {children}
    </Stack>
  );
}
