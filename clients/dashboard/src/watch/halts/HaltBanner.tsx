import { Alert, Anchor, Text } from "@mantine/core";
import { IconHandStop } from "@tabler/icons-react";

import { useAsked, useDesk } from "../../desk/hooks.ts";
import { linkTo } from "../../shell/route.ts";
import { formatCount, formatDateTime } from "../../words/format.ts";
import { byLevel, levelOf, scopeOf } from "./words.ts";

/** Above every view while a halt stands: the gravest, and how many more there are. */
export function HaltBanner() {
  const standing = byLevel(useAsked(useDesk().halts)?.halts ?? []);
  const [halt] = standing;
  if (halt === undefined) return null;
  const { name, color } = levelOf(halt.level);
  const more = standing.length - 1;
  return (
    <Alert
      color={color}
      variant="light"
      mb="md"
      py="xs"
      role="status"
      icon={<IconHandStop size={18} />}
      aria-label="Halts"
    >
      <Text size="sm">
        <Text span fw={700} size="sm">
          {`Halted: ${scopeOf(halt)} · ${name.toLowerCase()}`}
        </Text>
        {` · ${halt.principal}, ${formatDateTime(halt.at)}: ${halt.reason} · `}
        <Anchor href={linkTo("halts")} size="sm" c="inherit" td="underline">
          {more === 0 ? "See it" : `and ${formatCount(more)} more`}
        </Anchor>
      </Text>
    </Alert>
  );
}
