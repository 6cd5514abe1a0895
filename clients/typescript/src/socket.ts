/**
 * As much of a WebSocket as the client needs: the browser's own, or the `ws` package's in Node 20.
 */
export interface WebSocketLike {
  readonly readyState: number;
  send(line: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: "close",
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
}

export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** `readyState` of a socket that may be written to. */
export const OPEN = 1;

/** The WebSocket of the platform. */
export function platformWebSocket(): WebSocketConstructor {
  const found = (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (found === undefined) {
    throw new TypeError("this platform has no WebSocket: pass one as `webSocket`");
  }
  return found;
}
