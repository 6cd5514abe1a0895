/** Five thousand positions, all of whose prices move ten times a second, at the real server. */
import { cpus, loadavg } from "node:os";

import type { CDPSession, Page } from "@playwright/test";

import { test } from "../fixtures.ts";
import type { Server } from "../server.ts";
import { weigh, type Weight } from "./bundle.ts";
import { paceOf, wiretap } from "./frames.ts";

const POSITIONS = Number(process.env["POSITIONS"] ?? 5_000);
const INTERVAL_MS = 100;
const SECONDS = Number(process.env["BENCH_SECONDS"] ?? 15);
const OPENINGS = 5;

test.use({
  settings: {
    VENUE_SYNTHETIC_POSITIONS: String(POSITIONS),
    VENUE_SYNTHETIC_ACCOUNTS: "10",
    VENUE_TICK_INTERVAL: "0.1",
  },
});

test("the wall", async ({ page, server }) => {
  say(`${POSITIONS} positions, every price anew each ${INTERVAL_MS} ms; ${machine()}`);
  await wiretap(page, INTERVAL_MS);
  await open(page, server);
  await page.waitForTimeout(3_000); // for whatever is done once

  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const tell = (when: string, pixels = 0) => measure(page, session, when, pixels);

  await tell("as it is");
  await tell("scrolling", 40);
  await page.getByRole("button", { name: "P&L" }).click();
  await tell("sorted by P&L");
  await page.getByLabel("Groups").selectOption("By account");
  await tell("grouped by account");
  await page.getByLabel("Filter positions").fill("1");
  await tell("filtered");

  say(`heap: ${(await heapOf(session)).toFixed(1)} MB after a collection`);
});

test("from nothing to the first row", async ({ browser, server }) => {
  const paints: number[] = [];
  const rows: number[] = [];
  for (let opening = 0; opening < OPENINGS; opening += 1) {
    const context = await browser.newContext(); // with nothing in its cache
    const page = await context.newPage();
    await wiretap(page, INTERVAL_MS);
    await open(page, server);
    const { painted, firstRow } = await page.evaluate(() => ({
      painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
      firstRow: window.firstRowAt,
    }));
    paints.push(painted ?? NaN);
    rows.push(firstRow);
    await context.close();
  }
  say(`first paint: ${spread(paints)}, first row of ${POSITIONS}: ${spread(rows)}`);
});

test("the bundle", async () => {
  const { all, first, parts } = await weigh();
  say(`bundle: ${size(all)}; before the first screen ${size(first)}`);
  for (const { name, all: bytes, first: early } of parts) {
    say(`  ${name.padEnd(26)} ${kilobytes(bytes).padStart(9)}, of it at first ${kilobytes(early)}`);
  }
});

async function open(page: Page, server: Server): Promise<void> {
  await page.goto(server.linkFor());
  await page.locator("[role=row][data-key]").first().waitFor();
}

async function measure(page: Page, session: CDPSession, when: string, pixels: number) {
  const before = await busyOf(session);
  const { mean, slowest, longest, updates } = await paceOf(page, SECONDS, pixels);
  const busy = (await busyOf(session)) - before;
  const figures = [
    `${mean.toFixed(1)} frames/s`,
    `1st percentile ${slowest.toFixed(1)}`,
    `longest ${longest.toFixed(0)} ms`,
    `${updates.toFixed(0)} updates/s`,
    `main thread ${((100 * busy) / SECONDS).toFixed(0)} %`,
  ];
  say(`${when.padEnd(20)} ${figures.join(" · ")}`);
}

/** Seconds of a core that the page's main thread has had: whatever else the machine does. */
async function busyOf(session: CDPSession): Promise<number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN;
}

async function heapOf(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return usedSize / 1e6;
}

/** What else the cores had to do is part of every figure. */
function machine(): string {
  return `${cpus().length} cores, load average ${(loadavg()[0] ?? NaN).toFixed(1)}`;
}

function spread(times: readonly number[]): string {
  const sorted = times.toSorted((one, other) => one - other);
  const median = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  return `${median.toFixed(0)} ms (slowest of ${times.length}: ${(sorted.at(-1) ?? NaN).toFixed(0)} ms)`;
}

function size({ raw, gzip }: Weight): string {
  return `${kilobytes(raw)}, ${kilobytes(gzip)} gzipped`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
