import { Text } from "@mantine/core";

import classes from "./Health.module.css";
import { Fact } from "./Fact.tsx";
import { useReadiness } from "./useReadiness.ts";

const TITLE = "Whether positions can be closed";

/** What the server tells probes. */
export function ReadinessFact() {
  const readiness = useReadiness();
  switch (readiness?.is) {
    case undefined:
      return <Fact title={TITLE} word="Asking…" tone="unsure" />;
    case "unreachable":
      return (
        <Fact title={TITLE} word="Not reached" tone="bad">
          <Text size="sm">The page /readyz did not answer.</Text>
        </Fact>
      );
    case "not_told":
      return (
        <Fact title={TITLE} word="Not told here" tone="unsure">
          <Text size="sm">
            The server tells its readiness on its own machine only. The setting monitoring.access
            can open it.
          </Text>
        </Fact>
      );
    case "ready":
    case "not_ready":
      return (
        <Fact
          title={TITLE}
          word={readiness.is === "ready" ? "Ready" : "Not ready"}
          tone={readiness.is === "ready" ? "good" : "bad"}
        >
          {readiness.reasons.length === 0 ? (
            <Text size="sm">Nothing stands in the way of a closing call.</Text>
          ) : (
            <ul className={classes.reasons}>
              {readiness.reasons.map(({ code, detail, blocks }) => (
                <li key={`${code} ${detail}`}>
                  <b>{code.replaceAll("_", " ")}</b>
                  {blocks ? " (blocks)" : ""}: {detail}
                </li>
              ))}
            </ul>
          )}
        </Fact>
      );
  }
}
