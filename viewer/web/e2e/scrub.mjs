// How long it takes from moving the time bar to the picture of that moment, on a log of
// RECORDS records (a million unless told) over a thousand elements of one level.
import { Agent, request } from "node:http";
import { readFileSync } from "node:fs";
import { launch } from "./chromium.mjs";
import { World, until } from "./world.mjs";

const records = Number(process.env.RECORDS ?? 1_000_000), nodes = 1000, moves = 60;
const world = await World.begin();
const agent = new Agent({ keepAlive: true, maxSockets: 256 }), secret = readFileSync(`${world.socket}.secret`, "utf8").trim();
const rewrite = (ops) => new Promise((ok, failed) => {
  const body = JSON.stringify({ view: "system", ops }), r = request({ agent, socketPath: world.socket, method: "POST", path: "/rewrite", headers: { Authorization: `Bearer ${secret}`, "Jitos-Caller": "ada@host", "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) } }, (a) => {
    a.on("data", () => {});
    a.on("end", () => (a.statusCode === 200 ? ok() : failed(new Error(`${a.statusCode}`))));
  });
  r.on("error", failed);
  r.end(body);
});
await rewrite(Array.from({ length: nodes }, (_, k) => ({ op: "add_node", path: `/n${k}`, kind: "Service", props: { weight: 0 } })));
let next = 0;
const began = Date.now();
await Promise.all(Array.from({ length: 256 }, async () => {
  for (let i = next++; i < records; i = next++) await rewrite([{ op: "set", path: `/n${(i * 7919) % nodes}`, props: { weight: i } }]);
}));
console.log(`${records} records in ${((Date.now() - began) / 1000).toFixed(0)} s`);
await until(async () => (await world.call("GET", "/status")).body.marked > records - 1024, "old versions have their marks", 600_000);

const browser = await launch(), page = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
await page.goto(await world.view());
await page.waitForFunction(() => Number(document.querySelector("#moment")?.textContent?.match(/\d+/)?.[0]) > 0);
const last = (await world.call("GET", "/status")).body.seq, took = [];
for (let k = 1; k <= moves; k++) {
  const seq = 2 + Math.round(((k * 37) % moves) * ((last - 3) / moves));
  // A version is the end of the tick that holds the seq, of up to 1,024 records.
  took.push(await page.evaluate((to) => new Promise((ok) => {
    const near = (seq) => Number(seq) >= to && Number(seq) < to + 1024, bar = document.querySelector('footer input[type="range"]'), begun = performance.now();
    const look = () => (near(document.querySelector("[data-seq]")?.dataset.seq) ? requestAnimationFrame(() => setTimeout(() => ok(performance.now() - begun), 0)) : requestAnimationFrame(look));
    bar.value = String(to);
    bar.dispatchEvent(new Event("input", { bubbles: true }));
    look();
  }), seq));
}
took.sort((a, b) => a - b);
const most = took[took.length - 1], middle = took[took.length >> 1];
console.log(`scrub to any of ${last} records: ${middle.toFixed(0)} ms in the middle, ${most.toFixed(0)} ms at most (must be <= 200)`);
await browser.close();
await world.end();
process.exitCode = most <= 200 ? 0 : 1;
