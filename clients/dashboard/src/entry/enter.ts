import { Unauthenticated } from "rpcclient";

import { Desk } from "../desk/desk.ts";
import { keepToken } from "./token.ts";

/**
 * Sign in at the server that this page came from.
 *
 * @throws Error whose message is for the person who tries.
 */
export async function enter(token: string, onEnd: (why: string) => void): Promise<Desk> {
  const scheme = window.location.protocol === "https:" ? "wss" : "ws";
  const url = `${scheme}://${window.location.host}/ws/stream`;
  try {
    const desk = await Desk.open({
      url,
      token,
      onEnd: (why) => {
        onEnd(describe(why));
      },
    });
    keepToken(token);
    return desk;
  } catch (error) {
    throw new Error(describe(error as Error), { cause: error });
  }
}

function describe(error: Error): string {
  if (error instanceof Unauthenticated)
    return "The server does not know this token, or knows it no longer.";
  return error.message;
}
