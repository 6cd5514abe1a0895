/**
 * The token of this tab: never in an address that is sent, never longer than the tab.
 *
 * A link may bear it behind `#`, which no browser sends; it is taken from the address at once.
 */

import { decodedPart } from "../shell/route.ts";

const KEPT_AS = "rpcserver-token";
const BORNE_AS = "#token=";

/** The token of the address or of this tab, if there is one. */
export function takeToken(): string | undefined {
  return takeBorneToken() ?? window.sessionStorage.getItem(KEPT_AS) ?? undefined;
}

/** The token that the address bears, which bears it no more. */
export function takeBorneToken(): string | undefined {
  const { hash, pathname } = window.location;
  if (!hash.startsWith(BORNE_AS)) return undefined;
  window.history.replaceState(null, "", pathname);
  const token = decodedPart(hash.slice(BORNE_AS.length));
  if (token !== undefined) keepToken(token);
  return token;
}

export function keepToken(token: string): void {
  window.sessionStorage.setItem(KEPT_AS, token);
}

export function forgetToken(): void {
  window.sessionStorage.removeItem(KEPT_AS);
}
