import { Anchor, Paper, ScrollArea, Stack, Text, Title } from "@mantine/core";

import { linkTo } from "../../shell/route.ts";
import { formatDateTime } from "../../words/format.ts";
import type { Press } from "./presses.ts";
import { usePresses } from "./usePresses.ts";

/** Who pressed what, as it happens: calls that close, halts, rules, releases, tokens. */
export function Presses() {
  const presses = usePresses();
  return (
    <Stack component="section" gap="xs" aria-label="Who pressed what">
      <Title order={2} size="h5">
        Who pressed what
      </Title>
      <Paper withBorder>
        <ScrollArea.Autosize mah="70dvh" viewportProps={{ tabIndex: 0 }}>
          {presses.length === 0 ? (
            <Text size="sm" c="dimmed" p="sm">
              Nobody pressed anything yet.
            </Text>
          ) : (
            <Stack component="ol" gap={0} m={0} p={0} style={{ listStyle: "none" }}>
              {presses.map((press) => (
                <PressLine key={press.key} press={press} />
              ))}
            </Stack>
          )}
        </ScrollArea.Autosize>
      </Paper>
    </Stack>
  );
}

function PressLine({ press }: { readonly press: Press }) {
  const { at, who, what, detail, operationId } = press;
  return (
    <Text component="li" size="sm" px="sm" py={6}>
      <Text span size="xs" c="dimmed">
        {formatDateTime(at)}{" "}
      </Text>
      <Text span fw={600}>
        {who}
      </Text>{" "}
      {operationId === undefined ? (
        what
      ) : (
        <Anchor size="sm" href={linkTo("operations", operationId)}>
          {what}
        </Anchor>
      )}
      {detail !== "" && (
        <Text size="xs" c="dimmed" lineClamp={2}>
          {detail}
        </Text>
      )}
    </Text>
  );
}
