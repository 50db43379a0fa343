// Takes the pictures of the README from a real daemon, in which the demo's bug
// is mended and somebody works on services: node e2e/screenshots.mjs FOLDER
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "./chromium.mjs";
import { until, World } from "./world.mjs";

const out = resolve(process.argv[2] ?? fileURLToPath(new URL("../../../docs/pictures", import.meta.url)));
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

// Something to be seen of kinds, and of what a rule of the policy asks about.
await world.rewrite([
  { op: "add_node", path: "/kind", kind: "Folder" }, { op: "add_node", path: "/kind/Service", kind: "Kind", props: { inner: ["Endpoint"] } },
  { op: "add_node", path: "/kind/Service/lang", kind: "Prop", props: { type: "string", required: true } }, { op: "add_node", path: "/kind/Service/version", kind: "Prop", props: { type: "int" } },
  { op: "add_node", path: "/kind/depends_on", kind: "Kind", props: { from: ["Service"], to: ["Service"] } }, { op: "add_node", path: "/kind/publishes_to", kind: "Kind", props: { from: ["Service"], to: ["Queue"] } },
]);
const token = "/repo/AuthService/main/token", landed = (await world.call("GET", `/process/${p}`)).body.collapse;
for (const [name, colorScheme, hash] of [
  ["workspace", "light", `#/graph/svc?view=sws:${w}&sel=/svc/db`], ["process", "light", `#/processes/${p}`],
  ["why", "light", `#/graph${token}?sel=${token}/signer.go&why=${token}/signer.go:64`],
  ["range", "dark", `#/graph${token}?seq=${landed}&since=${p.slice(1)}&sel=${token}/signer.go`], ["kinds", "light", "#/rules"],
]) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme, reducedMotion: "reduce" });
  await page.goto(await world.view());
  await page.getByText("● live").waitFor();
  await page.evaluate((h) => { location.hash = h; }, hash);
  await page.waitForLoadState("networkidle").catch(() => {});
  if (name === "kinds") await page.getByRole("img", { name: /^Kinds / }).scrollIntoViewIfNeeded();
  if (name === "range") await page.locator("details.changes summary").click();
  for (let last; ;) { const now = await page.screenshot(); if (last?.equals(now)) break; last = now; }
  await page.screenshot({ path: join(out, `${name}-${colorScheme}.png`) });
  await page.close();
}
await browser.close();
await world.end();
