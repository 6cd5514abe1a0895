/** A real server with its paper venue, for one test: every test has its own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const ROOT = resolve(import.meta.dirname, "../../..");
export const RPCSERVER = join(ROOT, ".venv/bin/rpcserver");

interface Ready {
  readonly url: string;
  readonly port: number;
}

/** Settings by their names in the environment, without `RPCSERVER_`. */
export type Settings = Readonly<Record<string, string>>;

export class Server {
  #process: ChildProcess | undefined;
  #ready: Ready | undefined;
  readonly dataDir = mkdtempSync(join(tmpdir(), "rpcserver-browser-"));

  private constructor(private readonly settings: Settings) {}

  static async start(settings: Settings = {}): Promise<Server> {
    const server = new Server(settings);
    await server.#start(0);
    return server;
  }

  /** Of the dashboard. */
  get address(): string {
    return `http://127.0.0.1:${String(this.#running.port)}/`;
  }

  /** The token of the first administrator, who may do everything. */
  get token(): string {
    return readFileSync(join(this.dataDir, "admin.token"), "utf8").trim();
  }

  /** The link that signs in whoever opens it. */
  linkFor(token = this.token): string {
    return `${this.address}#token=${token}`;
  }

  /** A new token of that role, for a principal of its own. */
  tokenFor(role: string): string {
    const told = this.run("token", "create", `a-${role}`, "--role", role, "--json");
    return (JSON.parse(told) as { readonly data: { readonly token: string } }).data.token;
  }

  /** Revoke every token that speaks for *principal*. */
  revokeTokensOf(principal: string): void {
    const told = JSON.parse(this.run("token", "list", "--json")) as {
      readonly data: {
        readonly tokens: readonly { readonly tokenId: string; readonly principal: string }[];
      };
    };
    for (const row of told.data.tokens) {
      if (row.principal === principal) this.run("token", "revoke", row.tokenId);
    }
  }

  /** Run a command of the command line against this server, and give what it printed. */
  run(...args: readonly string[]): string {
    return execFileSync(RPCSERVER, [...args, "--data-dir", this.dataDir], {
      encoding: "utf8",
      timeout: 30_000,
      env: { ...process.env, RPCSERVER_URL: this.#running.url },
    });
  }

  /** End it at once, as a crash does. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Let it fall silent without ending, as a machine that hangs. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** Start it again, at the same address and with what it knew. */
  async restart(): Promise<void> {
    await this.#start(this.#running.port);
  }

  async stop(): Promise<void> {
    this.thaw();
    await this.#end("SIGTERM");
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  get #running(): Ready {
    if (this.#ready === undefined) throw new Error("the server was not started");
    return this.#ready;
  }

  async #start(port: number): Promise<void> {
    const environment: NodeJS.ProcessEnv = { ...process.env, RPCSERVER_LOG_LEVEL: "error" };
    for (const [name, value] of Object.entries(this.settings)) {
      environment[`RPCSERVER_${name}`] = value;
    }
    const child = spawn(
      RPCSERVER,
      ["serve", "--json", "--port", String(port), "--data-dir", this.dataDir],
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: environment,
      },
    );
    this.#process = child;
    for await (const line of createInterface({ input: child.stdout })) {
      this.#ready = JSON.parse(line) as Ready;
      return;
    }
    throw new Error("the server ended instead of starting");
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child: ChildProcess | undefined = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }
}
