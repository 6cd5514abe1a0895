/** The client against the real server: `rpcserver serve` as a process, killed in the middle. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { RpcClient } from "../src/index.ts";

const PROGRAM = fileURLToPath(new URL("../../../.venv/bin/rpcserver", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "rpcclient-"));
let server: ChildProcess | undefined;

/** Start it, and tell its port once clients can connect. */
async function serve(port = 0): Promise<number> {
  const child = spawn(
    PROGRAM,
    ["serve", "--json", "--data-dir", directory, "--port", String(port)],
    {
      env: { ...process.env, RPCSERVER_VENUE_LATENCY: "0.2", RPCSERVER_VENUE_TICK_INTERVAL: "0" },
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  server = child;
  const line = await new Promise<string>((resolve) => {
    createInterface(child.stdout).once("line", resolve);
  });
  return (JSON.parse(line) as { readonly port: number }).port;
}

async function kill(): Promise<void> {
  const child = server;
  if (child === undefined) return;
  server = undefined;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

afterEach(async () => {
  await kill();
  rmSync(directory, { recursive: true });
});

test("a flatten outlives kill -9, and everyone who attaches hears the same answer", async () => {
  const port = await serve();
  const token = readFileSync(join(directory, "admin.token"), "utf8").trim();
  const url = `ws://127.0.0.1:${String(port)}/ws/stream`;
  const client = new RpcClient({ url, token, webSocket: WebSocket });
  await client.connect();
  const call = client.call("Flatten", { account: "Sim101" });
  const seqs: number[] = [];
  for await (const step of call) {
    seqs.push(step.seq);
    if (seqs.length === 1) {
      await kill();
      await serve(port);
    }
  }
  const answer = await call;

  expect(answer.legs.length).toBeGreaterThan(0);
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  expect(await client.attach({ key: call.key ?? "" })).toEqual(answer);
  client.close();
});
