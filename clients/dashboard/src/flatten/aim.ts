/** What a press is aimed at before anybody has narrowed it: opened from a row, or from nowhere. */
import { createContext, useContext } from "react";

export interface Aim {
  readonly account?: string;
  readonly instrument?: string;
  readonly positionIds?: readonly string[];
  /** The key of a press that was made already: look at it again. */
  readonly press?: string;
}

export const FlattenContext = createContext<(aim: Aim) => void>(() => undefined);

/** Open the flatten drawer, aimed at something. */
export function useFlatten(): (aim: Aim) => void {
  return useContext(FlattenContext);
}
