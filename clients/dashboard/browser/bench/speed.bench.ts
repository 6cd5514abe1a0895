/** Five thousand positions, all of whose prices move ten times a second, at the real server. */
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
  say(`${POSITIONS} positions, every price anew each ${INTERVAL_MS} ms`);
  await wiretap(page, INTERVAL_MS);
  await open(page, server);
  await page.waitForTimeout(3_000); // for whatever is done once

  await tell(page, "as it is");
  await tell(page, "scrolling", 40);
  await page.getByRole("button", { name: "P&L" }).click();
  await tell(page, "sorted by P&L");
  await page.getByLabel("Groups").selectOption("By account");
  await tell(page, "grouped by account");
  await page.getByLabel("Filter positions").fill("1");
  await tell(page, "filtered");

  const session = await page.context().newCDPSession(page);
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

async function tell(page: Page, when: string, pixels = 0): Promise<void> {
  const { mean, slowest, longest, updates } = await paceOf(page, SECONDS, pixels);
  const figures = [
    `${mean.toFixed(1)} frames/s`,
    `1st percentile ${slowest.toFixed(1)}`,
    `longest ${longest.toFixed(0)} ms`,
    `${updates.toFixed(0)} updates/s`,
  ];
  say(`${when.padEnd(20)} ${figures.join(" · ")}`);
}

async function heapOf(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return usedSize / 1e6;
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
