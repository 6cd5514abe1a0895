import { ConnectionLost, RpcError } from "rpcclient";
import { expect, test } from "vitest";

import { complaintOf } from "../../src/watch/complaint.ts";

const FIELDS = ["until", "accounts"] as const;

test.each([
  ["invalid_argument", "until: 15:00 is not after 16:00", "until", "15:00 is not after 16:00"],
  ["missing_argument", "until: it is needed", "until", "it is needed"],
  ["unknown_account", "no account 'Sim1'", "accounts", "no account 'Sim1'"],
  ["contradiction", "another rule stands", undefined, "another rule stands"],
  ["invalid_argument", "amount: above 0", undefined, "amount: above 0"],
])("%s: %s", (code, detail, field, text) => {
  expect(complaintOf(new RpcError(code, detail), FIELDS)).toEqual({ field, text });
});

test("a lost connection is about the whole", () => {
  expect(complaintOf(new ConnectionLost("gone"), FIELDS).field).toBeUndefined();
});
