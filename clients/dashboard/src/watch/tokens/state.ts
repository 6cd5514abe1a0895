/** Whether a token lets anybody in. */
import type { TokenAnswer } from "rpcclient";

export type TokenState = "live" | "ending" | "expired" | "revoked";

const SOON_MS = 24 * 3_600_000;

/** *now* is the server's. A token that ends within a day is `ending`. */
export function stateOf({ revokedAt, expiresAt }: TokenAnswer, now: number): TokenState {
  if (revokedAt !== null) return "revoked";
  if (expiresAt === null) return "live";
  const left = Date.parse(expiresAt) - now;
  if (left <= 0) return "expired";
  return left < SOON_MS ? "ending" : "live";
}

export const STATES: Readonly<
  Record<TokenState, { readonly word: string; readonly color: string }>
> = {
  live: { word: "Live", color: "teal" },
  ending: { word: "Ends soon", color: "yellow" },
  expired: { word: "Expired", color: "gray" },
  revoked: { word: "Revoked", color: "gray" },
};
