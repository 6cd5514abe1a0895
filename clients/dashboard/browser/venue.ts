/** A paper venue as a process of its own, that can be made to misbehave: protocol.md, chapter 17. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { RPCSERVER, type Settings } from "./server.ts";

export class Venue {
  readonly #dataDir = mkdtempSync(join(tmpdir(), "rpcserver-venue-"));
  readonly #process: ChildProcess;
  #port = 0;

  private constructor() {
    this.#process = spawn(
      RPCSERVER,
      ["venue", "--json", "--port", "0", "--data-dir", this.#dataDir],
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, RPCSERVER_LOG_LEVEL: "error" },
      },
    );
  }

  static async start(): Promise<Venue> {
    const venue = new Venue();
    const { stdout } = venue.#process;
    if (stdout === null) throw new Error("the venue has no output");
    for await (const line of createInterface({ input: stdout })) {
      venue.#port = (JSON.parse(line) as { readonly port: number }).port;
      return venue;
    }
    throw new Error("the venue ended instead of starting");
  }

  /** What a server needs to know to trade there. */
  get settings(): Settings {
    return { VENUE_KIND: "remote", VENUE_URL: `ws://127.0.0.1:${String(this.#port)}` };
  }

  /** Set the scene: `control("cut")`, `control("arm", "lose_answers", "count=1")`. */
  control(...args: readonly string[]): void {
    execFileSync(RPCSERVER, ["venue", "control", ...args, "--port", String(this.#port)], {
      timeout: 30_000,
    });
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill("SIGTERM");
      await once(this.#process, "exit");
    }
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}
