// Takes the pictures of the README from a real daemon, in which the demo's bug
// is mended and somebody works on services: node e2e/screenshots.mjs FOLDER
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { launch } from "./chromium.mjs";
import { until, World } from "./world.mjs";

const out = resolve(process.argv[2] ?? "../../docs/pictures");
mkdirSync(out, { recursive: true });
const world = await World.begin(), browser = await launch();
const services = [["web", "auth"], ["web", "orders"], ["auth", "db"], ["orders", "db"], ["orders", "cache"], ["orders", "mail"]];
await world.rewrite([
  { op: "add_node", path: "/svc", kind: "Dir" },
  ...[...new Set(services.flat())].map((n) => ({ op: "add_node", path: `/svc/${n}`, kind: "Service", props: { lang: "go" } })),
  ...services.map(([a, b]) => ({ op: "add_edge", path: `/svc/~${a}-${b}`, kind: "depends_on", from: a, to: b })),
]);
const at = await world.repository("cmd/jitos/demo/authservice.txtar");
const p = (await world.call("POST", "/intent", { text: "Fix the auth bug in AuthService", repo: at })).body.process;
await until(async () => ["landed", "failed"].includes((await world.call("GET", `/process/${p}`)).body.status), "the intent ends", 300_000);
const w = (await world.call("POST", "/sws", { reason: "a queue between orders and mail" })).body.id;
await world.rewrite([
  { op: "add_node", path: "/svc/queue", kind: "Service", props: { lang: "go" } }, { op: "add_edge", path: "/svc/~orders-queue", kind: "publishes_to", from: "orders", to: "queue" },
  { op: "add_edge", path: "/svc/~mail-queue", kind: "depends_on", from: "mail", to: "queue" }, { op: "remove", path: "/svc/~orders-mail" }, { op: "set", path: "/svc/db", props: { version: 17 } },
], `sws:${w}`);
await world.rewrite([{ op: "set", path: "/svc/db", props: { version: 16 } }]);
await world.call("POST", `/sws/${w}/rebase`, {});

for (const colorScheme of ["light", "dark"]) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme, reducedMotion: "reduce" });
  await page.goto(await world.view());
  await page.getByText("● live").waitFor();
  for (const [name, hash] of [
    ["graph", "#/graph"], ["plan", `#/graph/proc/${p}?sel=/proc/${p}/implement`], ["workspace", `#/graph/svc?view=sws:${w}&sel=/svc/db`],
    ["conflict", `#/workspaces/${w}`], ["process", `#/processes/${p}`], ["why", "#/graph/repo/AuthService/main/token?sel=/repo/AuthService/main/token/signer.go&why=/repo/AuthService/main/token/signer.go:64"],
  ]) {
    await page.evaluate((h) => { location.hash = h; }, hash);
    await page.waitForLoadState("networkidle").catch(() => {});
    for (let last; ;) { const now = await page.screenshot(); if (last?.equals(now)) break; last = now; }
    await page.screenshot({ path: join(out, `${name}-${colorScheme}.png`) });
  }
  await page.close();
}
await browser.close();
await world.end();
