import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

// stamp writes which sources a build is of, so that a test that has no node can
// tell a bundle that was forgotten (viewer_test.go counts in the same way).
function stamp(): Plugin {
  let out = "";
  return {
    name: "stamp",
    apply: "build",
    configResolved(c) { out = c.build.outDir; },
    closeBundle() {
      const names = readdirSync("src", { recursive: true, withFileTypes: true }).filter((d) => d.isFile()).map((d) => `${d.parentPath}/${d.name}`);
      const sum = createHash("sha256");
      for (const name of [...names, "gallery.html", "index.html", "package-lock.json", "vite.config.ts"].sort()) {
        sum.update(`${name} ${createHash("sha256").update(readFileSync(name)).digest("hex")}\n`);
      }
      writeFileSync(`${out}/source.txt`, `${sum.digest("hex")}\n`);
    },
  };
}

// The bundle is committed, so that `go build` needs no node. Everything in it is
// a function of the sources and package-lock.json: no dates, no absolute names.
export default defineConfig({
  base: "./",
  plugins: [svelte(), stamp()],
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the Content-Security-Policy has no data: scripts
    modulePreload: { polyfill: false },
    rollupOptions: { input: { index: "index.html", gallery: "gallery.html" } },
  },
  worker: { format: "es" },
});
