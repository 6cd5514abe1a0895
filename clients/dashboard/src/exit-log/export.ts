/** The exit log as a file: the same lines and columns as `rpcserver audit export-csv` writes. */
import { type ExitAnswer, type ExitsAnswer, type QueryAuditArgs, RpcError } from "rpcclient";

const PAGE = 500;
const WAIT_MS = 1_000; // where the server does not say how long

const COLUMNS = [
  "auditSeq",
  "at",
  "user",
  "api",
  "operationId",
  "leg",
  "strategy",
  "venue",
  "account",
  "instrument",
  "side",
  "quantity",
  "closed",
  "averagePrice",
  "remaining",
  "outcome",
  "why",
  "reason",
  "remote",
  "provenAt",
  "sandbox",
] as const satisfies readonly (keyof ExitAnswer)[];

/** What people and programs wrote. */
const FREE: ReadonlySet<keyof ExitAnswer> = new Set(["user", "strategy", "reason", "why"]);
const TIMES: ReadonlySet<keyof ExitAnswer> = new Set(["at", "provenAt"]);

export type Format = "csv" | "jsonl";

export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  csv: "text/csv;charset=utf-8",
  jsonl: "application/jsonl;charset=utf-8",
};

/** What stands before the first line. */
export function headOf(format: Format): string {
  return format === "csv" ? `${COLUMNS.join(",")}\r\n` : "";
}

export function lineOf(format: Format, exit: ExitAnswer): string {
  if (format === "jsonl") return `${JSON.stringify(exit)}\n`;
  return `${COLUMNS.map((name) => quoted(cellOf(exit, name))).join(",")}\r\n`;
}

function cellOf(exit: ExitAnswer, name: (typeof COLUMNS)[number]): string {
  const value = exit[name] ?? "";
  const text = String(value);
  if (TIMES.has(name)) return withMicroseconds(text);
  // Somebody else's words are no formula of whoever opens the file.
  return FREE.has(name) && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

function withMicroseconds(time: string): string {
  return time.replace(/(:\d\d)(?:\.(\d+))?Z$/, (_, seconds: string, part = "") => {
    return `${seconds}.${(part as string).padEnd(6, "0")}Z`;
  });
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export interface Reading {
  readonly query: (args: QueryAuditArgs) => PromiseLike<ExitsAnswer>;
  /** Told after every page how many lines there are. */
  readonly onPage: (lines: number) => void;
  readonly wait?: (milliseconds: number) => Promise<void>;
}

/**
 * Every line that *args* ask for, the newest first, page by page.
 *
 * @throws ClientError: the server refuses, or is gone.
 */
export async function readAll(args: QueryAuditArgs, reading: Reading): Promise<ExitAnswer[]> {
  const { query, onPage, wait = sleep } = reading;
  const exits: ExitAnswer[] = [];
  let before: number | undefined;
  for (;;) {
    const asked = { ...args, limit: PAGE, ...(before === undefined ? {} : { before }) };
    let page: ExitsAnswer;
    try {
      page = await query(asked);
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== "rate_limited") throw error;
      await wait(Number(error.data["retryAfterMs"] ?? WAIT_MS));
      continue;
    }
    exits.push(...page.exits);
    onPage(exits.length);
    if (page.next === undefined) return exits;
    before = Number(page.next);
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
