/** What every test in the browser begins with: a server, and a page that is signed in. */
import { test as base } from "@playwright/test";

import { Server, type Settings } from "./server.ts";

interface Fixtures {
  /** `test.use({ settings: { VENUE_LATENCY: "0.4" } })`. */
  readonly settings: Settings;
  readonly server: Server;
}

export const test = base.extend<Fixtures>({
  settings: [{}, { option: true }],
  server: async ({ settings }, give) => {
    const server = await Server.start(settings);
    await give(server);
    await server.stop();
  },
});

export { expect } from "@playwright/test";
