import { useEffect, useState } from "react";

import { useDesk } from "../desk/hooks.ts";

const ASK_EVERY_MS = 3_000;

/** How long a question and its answer took, in milliseconds, and how far the clocks are apart. */
export interface Pulse {
  readonly roundTripMs: number;
  /** To add to this machine's clock to have the server's. */
  readonly offsetMs: number;
}

export function usePulse(): Pulse | undefined {
  const { client } = useDesk();
  const [pulse, setPulse] = useState<Pulse>();
  useEffect(() => {
    let isWanted = true;
    const feel = async () => {
      if (client.state.is !== "live") return;
      const sentAt = performance.now();
      try {
        await client.call("Ping");
      } catch {
        return; // the connection's state says why
      }
      const roundTripMs = performance.now() - sentAt;
      if (isWanted) setPulse({ roundTripMs, offsetMs: client.clockOffsetMs });
    };
    void feel();
    const timer = setInterval(() => void feel(), ASK_EVERY_MS);
    return () => {
      isWanted = false;
      clearInterval(timer);
    };
  }, [client]);
  return pulse;
}
