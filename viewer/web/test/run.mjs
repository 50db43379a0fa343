// Runs the unit tests: vite reads the TypeScript, node:test does the rest.
import { readdirSync } from "node:fs";
import { createServer } from "vite";

const server = await createServer({ configFile: false, appType: "custom", logLevel: "error", server: { middlewareMode: true, hmr: false, ws: false, watch: null }, optimizeDeps: { noDiscovery: true } });
for (const name of readdirSync(new URL(".", import.meta.url)).filter((n) => n.endsWith(".test.ts")).sort()) await server.ssrLoadModule(`/test/${name}`);
await server.close();
