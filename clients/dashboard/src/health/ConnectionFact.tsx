import { useConnection, useNow } from "../desk/hooks.ts";
import { formatAge, formatDuration, formatTime } from "../words/format.ts";
import { Fact, Figures } from "./Fact.tsx";
import { usePulse } from "./usePulse.ts";

/** Between this page and the server. */
export function ConnectionFact() {
  const connection = useConnection();
  const pulse = usePulse();
  const now = useNow();
  const isLive = connection.is === "live";
  const since = "since" in connection ? connection.since : undefined;
  return (
    <Fact
      title="This page and the server"
      word={isLive ? "Connected" : "Not connected"}
      tone={isLive ? "good" : "bad"}
    >
      <Figures
        of={[
          [
            isLive ? "Since" : "Last heard",
            since === undefined
              ? "–"
              : `${formatTime(since)}, ${isLive ? "for" : "ago:"} ${formatAge(now - since)}`,
          ],
          ["There and back", pulse === undefined ? "–" : formatDuration(pulse.roundTripMs)],
          ["The server's clock", pulse === undefined ? "–" : offsetWords(pulse.offsetMs)],
        ]}
      />
    </Fact>
  );
}

/** Less than the way there and back may take says nothing. */
function offsetWords(offsetMs: number): string {
  if (Math.abs(offsetMs) < 50) return "agrees with this machine's";
  const size = formatDuration(Math.abs(offsetMs));
  return offsetMs > 0 ? `${size} ahead of this machine's` : `${size} behind this machine's`;
}
