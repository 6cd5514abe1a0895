import { expect, test } from "vitest";

import { readReadiness } from "../../src/health/readiness.ts";

function answering(status: number, body: string) {
  return () => Promise.resolve(new Response(body, { status }));
}

test("a server that is not ready says why", async () => {
  const reasons = [{ code: "venue_down", detail: "paper", blocks: true }];
  const body = JSON.stringify({ ready: false, reasons });
  expect(await readReadiness(answering(503, body))).toEqual({ is: "not_ready", reasons });
  const well = JSON.stringify({ ready: true, reasons: [] });
  expect(await readReadiness(answering(200, well))).toEqual({ is: "ready", reasons: [] });
});

test("beyond the machine itself it may not be told, which is neither good nor bad", async () => {
  expect(await readReadiness(answering(403, "loopback only"))).toEqual({ is: "not_told" });
  expect(await readReadiness(answering(401, ""))).toEqual({ is: "not_told" });
});

test("what is no answer of the server's is none", async () => {
  expect(await readReadiness(answering(502, "<html>"))).toEqual({ is: "unreachable" });
  expect(await readReadiness(answering(200, "{}"))).toEqual({ is: "unreachable" });
  expect(await readReadiness(() => Promise.reject(new TypeError("network")))).toEqual({
    is: "unreachable",
  });
});
