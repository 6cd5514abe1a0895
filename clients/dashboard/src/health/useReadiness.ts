import { useEffect, useState } from "react";

import { readReadiness, type Readiness } from "./readiness.ts";

const ASK_EVERY_MS = 5_000;

/** Undefined until the first answer. */
export function useReadiness(): Readiness | undefined {
  const [readiness, setReadiness] = useState<Readiness>();
  useEffect(() => {
    let isWanted = true;
    const ask = async () => {
      const told = await readReadiness();
      if (isWanted) setReadiness(told);
    };
    void ask();
    const timer = setInterval(() => void ask(), ASK_EVERY_MS);
    return () => {
      isWanted = false;
      clearInterval(timer);
    };
  }, []);
  return readiness;
}
