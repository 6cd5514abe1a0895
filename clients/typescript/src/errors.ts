/** Every error the client raises on purpose, sorted by what the caller may do. */
import type { ErrorCode } from "./generated/protocol.ts";

/** The base of every error below. */
export class ClientError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** The server answered, and the answer is no: `code` is of the table of errors, or a dialect's. */
export class RpcError extends ClientError {
  constructor(
    readonly code: ErrorCode | (string & {}),
    readonly detail: string,
    readonly data: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail === "" ? code : `${code}: ${detail}`);
  }
}

/** An order was sent and no answer came: it may have happened. Ask; never send it again. */
export class OutcomeUnknown extends RpcError {
  constructor(detail: string) {
    super("outcome_unknown", detail);
  }
}

/** There is no connection, and none is tried any more. What was accepted goes on: attach to it. */
export class ConnectionLost extends ClientError {}

/** Not even the first connection was made. Nothing was sent. */
export class CannotConnect extends ConnectionLost {}

/** The server ended the connection for good: coming back unchanged is useless. */
export class ConnectionRefused extends ClientError {
  constructor(
    readonly closeCode: number,
    readonly reason: string,
  ) {
    super(`${reason === "" ? "refused" : reason} (${String(closeCode)})`);
  }
}

/** The server does not know the token, or knows it no longer. */
export class Unauthenticated extends ConnectionRefused {}

/** The server knows who this is and will not have it here. */
export class Forbidden extends ConnectionRefused {}

/** The connection came back after the time that the call was good for: it was not carried out. */
export class TooLate extends ClientError {}

/** What came is not of this protocol: the other end is something else. */
export class ProtocolViolation extends ClientError {}
