import { Badge } from "@mantine/core";

import { explain, useAnswer } from "../desk/hooks.ts";
import { Fact, Figures } from "./Fact.tsx";

const ASK_EVERY_MS = 4_000;
const TITLE = "The server and the venues";

/** Whether each venue was reached just now. */
export function VenuesFact() {
  const { answer, error } = useAnswer("GetConnections", {}, { everyMs: ASK_EVERY_MS });
  if (error !== undefined) return <Fact title={TITLE} word={explain(error)} tone="unsure" />;
  if (answer === undefined) return <Fact title={TITLE} word="Asking…" tone="unsure" />;
  const down = answer.connections.filter(({ status }) => status !== "Connected");
  return (
    <Fact
      title={TITLE}
      word={wordOf(answer.connections.length, down.length)}
      tone={down.length > 0 ? "bad" : "good"}
    >
      <Figures
        of={answer.connections.map(({ name, status, sandbox, accounts }) => [
          name,
          <span key={name}>
            {status === "Connected" ? "reached" : "cannot be reached"} · {accounts}{" "}
            {accounts === 1 ? "account" : "accounts"}{" "}
            <Badge
              size="sm"
              radius="sm"
              variant={sandbox ? "outline" : "filled"}
              color={sandbox ? "gray" : "orange.8"}
            >
              {sandbox ? "Paper" : "Live"}
            </Badge>
          </span>,
        ])}
      />
    </Fact>
  );
}

function wordOf(all: number, down: number): string {
  if (all === 0) return "No venue";
  if (down === 0) return all === 1 ? "Reached" : `All ${all} reached`;
  return all === 1 ? "Cannot be reached" : `${down} of ${all} cannot be reached`;
}
