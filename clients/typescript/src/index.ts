export { type Backoff } from "./backoff.ts";
export { Call } from "./call.ts";
export {
  type CallOptions,
  type ClientOptions,
  type ConnectionState,
  type OperationName,
  type QuoteOptions,
  RpcClient,
} from "./client.ts";
export * from "./errors.ts";
export type * from "./generated/protocol.ts";
export { APIS, CLOSE_CODES, ERRORS } from "./generated/protocol.ts";
export { type WebSocketConstructor, type WebSocketLike } from "./socket.ts";
export { type Channel, PnlStream, Subscription, type SubscriptionFrame } from "./subscription.ts";
