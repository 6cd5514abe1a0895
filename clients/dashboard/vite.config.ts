import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
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
