import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react(), everyComponentHasItsStyles()],
  // The server puts a fresh nonce in this place of every answer, and into its policy.
  html: { cspNonce: "__CSP_NONCE__" },
  build: {
    outDir: "../../rpcserver/dashboard", // part of the Python package, served at `/`
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"], // the first to know light-dark()
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    // `npm run dev` beside a server of your own
    proxy: {
      "/ws": { target: "ws://127.0.0.1:8787", ws: true },
      "/readyz": "http://127.0.0.1:8787",
    },
  },
  test: { include: ["tests/**/*.test.{ts,tsx}"], environment: "happy-dom" },
});

/** Mantine's styles are imported one by one in `src/styles.ts`: none that is needed is missing. */
function everyComponentHasItsStyles(): Plugin {
  const folder = new URL(".", import.meta.resolve("@mantine/core/styles/Button.css"));
  const classes = /\bm_[0-9a-f]+\b/g;
  return {
    name: "every-component-has-its-styles",
    apply: "build",
    generateBundle(_, bundle) {
      const files = Object.values(bundle);
      const scripts = files.map((file) => (file.type === "chunk" ? file.code : "")).join("\n");
      const styles = files
        .map((file) => (file.type === "asset" && file.fileName.endsWith(".css") ? file.source : ""))
        .join("\n");
      const used = new Set(scripts.match(classes));
      const styled = new Set(styles.match(classes));
      const missing = readdirSync(fileURLToPath(folder))
        .filter((name) => name.endsWith(".css") && !name.endsWith(".layer.css"))
        .filter((name) => {
          const its = readFileSync(new URL(name, folder), "utf8").match(classes) ?? [];
          return its.some((each) => used.has(each) && !styled.has(each));
        });
      if (missing.length > 0) {
        this.error(`import from @mantine/core/styles, in src/styles.ts: ${missing.join(", ")}`);
      }
    },
  };
}
