import { Alert, Anchor, Text } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";

import { useAsked, useDesk, useNow, useRights } from "../../desk/hooks.ts";
import { linkTo } from "../../shell/route.ts";
import { formatAge, formatCount } from "../../words/format.ts";
import { leftOf, waitingFor } from "./waiting.ts";

/** Above every view as soon as somebody's call waits for this very person. */
export function ApprovalNotice() {
  const { approvals, principal, client } = useDesk();
  const { confirms } = useRights();
  const asked = useAsked(approvals);
  const now = useNow() + client.clockOffsetMs;
  const waiting = confirms ? waitingFor(principal, asked?.approvals ?? [], now) : [];
  const [first] = waiting;
  if (first === undefined) return null;
  const says = `${first.principal} asks for a second person: ${first.api}`;
  const more = waiting.length === 1 ? "" : ` (and ${formatCount(waiting.length - 1)} more)`;
  return (
    <Alert
      color="grape"
      variant="light"
      mb="md"
      py="xs"
      role="group"
      icon={<IconUsers size={18} />}
      aria-label="Approvals"
    >
      <span role="alert" className="visually-hidden">
        {`A call waits for you: ${says}`}
      </span>
      <Text size="sm">
        <Text span fw={700} size="sm">
          {says}
        </Text>
        {`, ${formatCount(first.positions)} positions${more} · `}
        {`${formatAge(leftOf(first, now))} left · `}
        <Anchor href={linkTo("approvals")} size="sm" c="inherit" td="underline">
          See the plan
        </Anchor>
      </Text>
    </Alert>
  );
}
