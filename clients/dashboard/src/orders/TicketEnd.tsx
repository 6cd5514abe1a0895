import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconCheck, IconHelpOctagon } from "@tabler/icons-react";

import { linkTo } from "../shell/route.ts";
import type { PlacingEnd } from "./usePlacing.ts";

interface TicketEndProps {
  readonly end: PlacingEnd;
  /** What was sent. */
  readonly words: string;
  readonly onAgain: () => void;
}

/** Stands where the form was, so that nothing is sent twice by a second press. */
export function TicketEnd({ end, words, onAgain }: TicketEndProps) {
  if (end.is === "placed") {
    return (
      <Stack>
        <Alert color="teal" role="status" icon={<IconCheck />} title={words}>
          The venue has the order{end.state === undefined ? "" : `: ${end.state.toLowerCase()}`}.
          Whether it filled is told under Fills.
        </Alert>
        <Group justify="space-between">
          <Button component="a" variant="default" href={linkTo("orders", end.orderId)}>
            Its life
          </Button>
          <Button variant="default" onClick={onAgain} data-autofocus>
            Another order
          </Button>
        </Group>
      </Stack>
    );
  }
  return (
    <Stack>
      <Alert color="grape" role="alert" icon={<IconHelpOctagon />} title={`UNKNOWN: ${words}`}>
        <Text size="sm">
          No answer came. The order may be at the venue, and may fill. Look before you send again:
          at the working orders, at the fills, and at the position.
        </Text>
      </Alert>
      <Group justify="space-between">
        <Button component="a" href={linkTo("orders", end.orderId)}>
          {end.orderId === undefined ? "Look at the orders" : "Look at its life"}
        </Button>
        <Button variant="default" onClick={onAgain}>
          I have looked: back to the ticket
        </Button>
      </Group>
    </Stack>
  );
}
