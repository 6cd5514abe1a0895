/** What the server says of itself to probes: whether positions can be closed here. */

export interface Reason {
  readonly code: string;
  readonly detail: string;
  readonly blocks: boolean;
}

export type Readiness =
  | { readonly is: "ready" | "not_ready"; readonly reasons: readonly Reason[] }
  /** It is told on the machine itself only, or to those with a token. */
  | { readonly is: "not_told" }
  | { readonly is: "unreachable" };

export async function readReadiness(get: typeof fetch = fetch): Promise<Readiness> {
  let answer: Response;
  try {
    answer = await get("/readyz", { cache: "no-store" });
  } catch {
    return { is: "unreachable" }; // a page cannot learn why
  }
  if (answer.status === 401 || answer.status === 403) return { is: "not_told" };
  let told: unknown;
  try {
    told = await answer.json();
  } catch {
    return { is: "unreachable" }; // something between here and there answered
  }
  if (!isTold(told)) return { is: "unreachable" };
  return { is: told.ready ? "ready" : "not_ready", reasons: told.reasons };
}

function isTold(told: unknown): told is { ready: boolean; reasons: readonly Reason[] } {
  return (
    typeof told === "object" &&
    told !== null &&
    "ready" in told &&
    typeof told.ready === "boolean" &&
    "reasons" in told &&
    Array.isArray(told.reasons)
  );
}
