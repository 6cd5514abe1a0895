import type { TokenAnswer } from "rpcclient";
import { expect, test } from "vitest";

import { stateOf } from "../../src/watch/tokens/state.ts";

const NOW = Date.parse("2025-11-20T15:00:00Z");
const TOKEN: TokenAnswer = {
  tokenId: "tok-2",
  principal: "night-desk",
  roles: ["viewer"],
  accounts: ["*"],
  createdAt: "2025-11-20T12:00:00Z",
  revokedAt: null,
  expiresAt: null,
  createdBy: "desk",
};

test.each([
  [{}, "live"],
  [{ expiresAt: "2025-12-20T15:00:00Z" }, "live"],
  [{ expiresAt: "2025-11-20T15:05:00Z" }, "ending"],
  [{ expiresAt: "2025-11-20T15:00:00Z" }, "expired"],
  [{ revokedAt: "2025-11-20T14:00:00Z", expiresAt: "2025-12-20T15:00:00Z" }, "revoked"],
])("%o is %s", (more, state) => {
  expect(stateOf({ ...TOKEN, ...more }, NOW)).toBe(state);
});
