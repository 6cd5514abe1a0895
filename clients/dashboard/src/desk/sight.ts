/** Whether what this page shows is what is: to be connected is not enough. */
import type { PnlLine, RpcClient } from "rpcclient";

import type { Vigil } from "./vigil.ts";

/** So long without a word about accounts, each second promised, and a venue hangs. */
const SILENT_MS = 5_000;
const LOOK_MS = 1_000;

export type Shown =
  | { readonly is: "live" }
  /** Connected, and not yet told what is held now: what is shown, if anything, is from before. */
  | { readonly is: "reading" }
  /** The server will not tell it. */
  | { readonly is: "refused"; readonly why: string }
  /** Not connected: the connection says since when. */
  | { readonly is: "cut" };

const LIVE: Shown = { is: "live" };
const READING: Shown = { is: "reading" };
const CUT: Shown = { is: "cut" };
const NOWHERE: readonly string[] = [];

/**
 * Between the return of a connection and its first snapshot, everything is as old as the cut; where
 * a venue is not reached, what is shown of its accounts is as old as the last word from there.
 */
export class Sight {
  #isTold = false;
  #refused: Shown | undefined;
  #unreached = NOWHERE;
  #heardAt: number | undefined;
  #isSilent = false;
  readonly #watchers = new Set<() => void>();
  readonly #stops: readonly (() => void)[];

  constructor(
    client: Pick<RpcClient, "onState">,
    private readonly connection: Pick<Vigil, "state" | "watch">,
    private readonly now: () => number = Date.now,
  ) {
    const timer = setInterval(this.#look, LOOK_MS);
    this.#stops = [
      () => {
        clearInterval(timer);
      },
      // The client's own word: after a sleep it is the same connection, and its snapshot holds.
      client.onState(({ is }) => {
        if (is === "live") return;
        this.#isTold = false;
        this.#heardAt = undefined;
        this.#isSilent = false;
        this.#tell();
      }),
      connection.watch(() => {
        this.#tell();
      }),
    ];
  }

  get shown(): Shown {
    if (this.connection.state.is !== "live") return CUT;
    return this.#refused ?? (this.#isTold ? LIVE : READING);
  }

  /** Venues that are not reached now, or not wholly. */
  get unreached(): readonly string[] {
    return this.#unreached;
  }

  /** Whether nothing was heard about any account for a while, though the server is there. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  onSnapshot(): void {
    this.#isTold = true;
    this.#refused = undefined;
    this.#tell();
  }

  onRefused(why: string): void {
    this.#refused = { is: "refused", why };
    this.#tell();
  }

  onProfit(accounts: readonly PnlLine[]): void {
    this.#heardAt = this.now();
    const down = accounts.filter(({ connected }) => !connected).map(({ venue }) => venue);
    const venues = [...new Set(down)].sort();
    const isSame = venues.join() === this.#unreached.join();
    if (isSame && !this.#isSilent) return;
    if (!isSame) this.#unreached = venues;
    this.#isSilent = false;
    this.#tell();
  }

  watch(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  readonly #look = (): void => {
    if (this.#heardAt === undefined || this.connection.state.is !== "live") return;
    const isSilent = this.now() - this.#heardAt > SILENT_MS;
    if (isSilent === this.#isSilent) return;
    this.#isSilent = isSilent;
    this.#tell();
  };

  #tell(): void {
    for (const tell of [...this.#watchers]) tell();
  }
}
