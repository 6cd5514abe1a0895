import tests from "./playwright.config.ts";

/** `npm run bench`: what a wall of positions costs, in figures. It prints, and judges nothing. */
export default { ...tests, testMatch: "**/*.bench.ts", timeout: 600_000, reporter: "list" };
