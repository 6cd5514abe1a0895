import { Anchor, Stack, Text } from "@mantine/core";
import type { OperationItem } from "rpcclient";

import type { Press } from "../desk/desk.ts";
import { useDesk, useRows, useStory } from "../desk/hooks.ts";
import { linkTo } from "../shell/route.ts";
import { useFlatten } from "./aim.ts";
import classes from "./flatten.module.css";
import { PressLine, Underway } from "./PressLine.tsx";

const OTHERS_MAX = 3;

/** Over every view: what is being closed now, and what was pressed here until its end was seen. */
export function RunningPresses() {
  const desk = useDesk();
  const presses = useRows(desk.presses);
  const operations = useRows(desk.operations);
  const open = useFlatten();
  const look = ({ key }: Press) => {
    open({ press: key });
  };
  const own = new Set(presses.map((press) => press.story.operationId));
  const others = operations.filter(
    ({ operationId, status, dryRun }) =>
      status === "running" && dryRun !== true && !own.has(operationId),
  );
  if (presses.length + others.length === 0) return null;
  return (
    <Stack gap={6} mb="md" role="region" aria-label="What is being closed">
      {presses.map((press) => (
        <PressLine key={press.key} press={press} onLook={look} />
      ))}
      {others.slice(0, OTHERS_MAX).map((operation) => (
        <OtherLine key={operation.operationId} operation={operation} />
      ))}
      {others.length > OTHERS_MAX && (
        <Anchor size="sm" href={linkTo("operations")}>
          and {others.length - OTHERS_MAX} more
        </Anchor>
      )}
    </Stack>
  );
}

function OtherLine({ operation }: { readonly operation: OperationItem }) {
  const story = useDesk().follow(operation.operationId);
  useStory(story);
  return (
    <div className={classes.running}>
      <Text span size="sm" fw={600}>
        {operation.api} by {operation.principal}
      </Text>
      <Underway story={story} />
      <Anchor size="sm" href={linkTo("operations", operation.operationId)}>
        Look at it
      </Anchor>
    </div>
  );
}
