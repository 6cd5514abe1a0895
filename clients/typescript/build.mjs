// Bundle the client as one module, and say how much a browser has to fetch.
import { gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { build } from "esbuild";

const outfile = "dist/rpcclient.min.js";
await build({
  entryPoints: ["src/index.ts"],
  outfile,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
});
const bundle = readFileSync(outfile);
console.log(`${outfile}: ${bundle.length} bytes minified, ${gzipSync(bundle).length} gzipped`);
