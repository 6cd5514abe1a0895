/** What every test in the browser begins with: a server, and a page that is signed in. */
import { test as base } from "@playwright/test";

import { Server, type Settings } from "./server.ts";
import { Venue } from "./venue.ts";

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

/** With a venue that is a process of its own, and can be made to misbehave. */
export const testWithVenue = test.extend<{ readonly venue: Venue }>({
  // eslint-disable-next-line no-empty-pattern -- Playwright wants to see that it needs nothing
  venue: async ({}, give) => {
    const venue = await Venue.start();
    await give(venue);
    await venue.stop();
  },
  server: async ({ settings, venue }, give) => {
    const server = await Server.start({ ...settings, ...venue.settings });
    await give(server);
    await server.stop();
  },
});

export { expect } from "@playwright/test";
