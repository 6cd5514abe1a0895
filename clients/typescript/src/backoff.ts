/** How long to wait before connecting again, in milliseconds. */
export interface Backoff {
  /** The most the first wait takes. */
  readonly firstMs: number;
  /** The most any wait takes. */
  readonly longestMs: number;
  /** How long to leave a server alone that called us a flood. */
  readonly afterFloodingMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export const BACKOFF: Backoff = {
  firstMs: 250,
  longestMs: 30_000,
  afterFloodingMs: 10_000,
  random: Math.random,
};

/**
 * Exponential, with full jitter: a restarted server meets its clients spread over the whole
 * interval, not in one wave.
 */
export function delayMs(backoff: Backoff, failures: number): number {
  const ceiling = Math.min(backoff.longestMs, backoff.firstMs * 2 ** Math.min(failures, 32));
  return ceiling * backoff.random();
}
