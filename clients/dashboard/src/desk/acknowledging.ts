/** The word of whoever looks at an alert, on the channel an item of its own. */
import type { AlertItem } from "rpcclient";

/** *alert* with *word*, which is about it. */
export function withWord(alert: AlertItem, word: AlertItem): AlertItem {
  return {
    ...alert,
    acknowledgedBy: word.principal ?? "somebody",
    acknowledgedAt: word.at,
    acknowledgeReason: word.detail,
  };
}
