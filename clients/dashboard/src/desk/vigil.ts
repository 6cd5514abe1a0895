/** Whether this page hears the server: also after the page itself has slept. */
import type { ConnectionState, RpcClient } from "rpcclient";

const TICK_MS = 1_000;
/** A tick that comes so late was slept through: the page was hidden, or the machine shut. */
const SLEPT_MS = 5_000;

type Watched = Pick<RpcClient, "state" | "onState"> & {
  readonly call: (api: "Ping") => PromiseLike<unknown>;
};

/**
 * The client's word about its connection, doubted after a sleep until the server was heard again.
 *
 * A page that wakes up shows what it knew before. Its socket looks open, dead or not, so until a
 * question was answered everything is as old as the sleep.
 */
export class Vigil {
  #doubted: ConnectionState | undefined;
  #awakeAt: number;
  readonly #watchers = new Set<() => void>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #stopHearing: () => void;

  constructor(
    private readonly client: Watched,
    private readonly now: () => number = Date.now,
  ) {
    this.#awakeAt = now();
    this.#timer = setInterval(this.#look, TICK_MS);
    document.addEventListener("visibilitychange", this.#look);
    this.#stopHearing = client.onState(() => {
      this.#doubted = undefined; // what it says now, it has just found out
      this.#tell();
    });
  }

  get state(): ConnectionState {
    return this.#doubted ?? this.client.state;
  }

  watch(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  close(): void {
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.#look);
    this.#stopHearing();
  }

  readonly #look = (): void => {
    const before = this.#awakeAt;
    this.#awakeAt = this.now();
    if (this.#awakeAt - before >= SLEPT_MS) this.#doubt(before);
  };

  #doubt(since: number): void {
    if (this.client.state.is !== "live" || this.#doubted !== undefined) return;
    const doubted: ConnectionState = { is: "stale", since };
    this.#doubted = doubted;
    this.#tell();
    const believe = () => {
      if (this.#doubted !== doubted) return;
      this.#doubted = undefined;
      this.#tell();
    };
    this.client.call("Ping").then(believe, believe); // refused or not, it was answered
  }

  #tell(): void {
    for (const tell of [...this.#watchers]) tell();
  }
}
