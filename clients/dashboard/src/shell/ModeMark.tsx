import { Badge, Tooltip } from "@mantine/core";

import { useAnswer } from "../desk/hooks.ts";

const ASK_EVERY_MS = 30_000;

/** Whether any of this is real money. Where that is not known, nothing is said. */
export function ModeMark() {
  const { answer } = useAnswer("ListAccounts", {}, { everyMs: ASK_EVERY_MS });
  if (answer?.sandbox === undefined) return null;
  if (answer.sandbox) {
    return (
      <Tooltip label="Every account here is on paper: no real money">
        <Badge variant="outline" color="gray" radius="sm" miw="max-content">
          Paper
        </Badge>
      </Tooltip>
    );
  }
  const { sandboxVenues = [] } = answer;
  const paper = sandboxVenues.length === 0 ? "" : `; on paper only: ${sandboxVenues.join(", ")}`;
  return (
    <Tooltip label={`Real money${paper}`}>
      <Badge variant="filled" color="orange.8" radius="sm" miw="max-content">
        Live
      </Badge>
    </Tooltip>
  );
}
