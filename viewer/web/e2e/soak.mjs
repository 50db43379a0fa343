// Streams a thousand changes a second at a page of a real daemon for SECONDS (600), with
// ELEMENTS (10000) in the picture, each change a record of its own that the daemon has
// made durable. Every BEAT seconds (60) it tells how many were shown, and what memory the
// page holds once what nobody holds was collected. It fails if a beat showed fewer than
// 950/s, if the page missed any, or if it holds more at the end than at the beginning by
// more than may be.
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { launch } from "./chromium.mjs";
import { until, World } from "./world.mjs";

const of = (name, usual) => { const n = Number(process.env[name] ?? usual); if (!(n > 0)) throw new Error(`${name}=${process.env[name]} is not a number above 0`); return n; };
const seconds = of("SECONDS", 600), elements = of("ELEMENTS", 10_000), perSecond = 1000, beat = Math.min(of("BEAT", 60), seconds / 2);
const least = 950; // changes shown a second, of a thousand
const slack = 8; // MiB that the end may hold more: cells of what went are remembered, 20,000 of a container
const commits = 60; // records whose way to the picture is measured while nothing else happens
const nodes = Math.ceil(elements * 0.6), edges = elements - nodes;

const world = await World.begin();
const agent = new Agent({ keepAlive: true, maxSockets: 64 }), secret = readFileSync(`${world.socket}.secret`, "utf8").trim();
const epoch = () => performance.timeOrigin + performance.now(); // ms, the page's too
function rewrite(ops) {
  const body = JSON.stringify({ view: "system", ops });
  return new Promise((ok, failed) => {
    const r = request({ agent, socketPath: world.socket, method: "POST", path: "/rewrite", headers: { Authorization: `Bearer ${secret}`, "Jitos-Caller": "ada@host", "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) } }, (a) => {
      let text = "";
      a.on("data", (d) => { text += d; });
      a.on("end", () => (a.statusCode === 200 ? ok(JSON.parse(text).seq) : failed(new Error(`${a.statusCode} ${text}`))));
    });
    r.on("error", failed);
    r.end(body);
  });
}
const near = (k) => (k * 7919) % 30; // an edge leads to a node shortly after
await rewrite([{ op: "add_node", path: "/soak", kind: "Dir" }]);
for (let at = 0; at < nodes; at += 5000) await rewrite(Array.from({ length: Math.min(5000, nodes - at) }, (_, i) => ({ op: "add_node", path: `/soak/n${at + i}`, kind: ["Service", "File", "Task", "Dir", "Worker"][i % 5], props: { weight: i % 100 } })));
for (let at = 0; at < edges; at += 5000) await rewrite(Array.from({ length: Math.min(5000, edges - at) }, (_, i) => { const to = 1 + (((at + i) * 104729) % (nodes - 1)); return { op: "add_edge", path: `/soak/~e${at + i}`, kind: "uses", from: `n${Math.max(0, to - 1 - near(i))}`, to: `n${to}` }; }));

const browser = await launch(), page = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
const faults = [];
page.on("pageerror", (e) => faults.push(e.message));
const cdp = await page.context().newCDPSession(page);
await cdp.send("Performance.setTimeDomain", { timeDomain: "threadTicks" });
await cdp.send("Performance.enable");
const metrics = async () => Object.fromEntries((await cdp.send("Performance.getMetrics")).metrics.map((m) => [m.name, m.value]));
const held = async () => { await cdp.send("HeapProfiler.collectGarbage"); return (await metrics()).JSHeapUsedSize / (1 << 20); };
const daemonHolds = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.daemon.pid}/status`, "utf8"))[1]) / 1024;

await page.goto(`${await world.view()}`);
await page.getByText("● live").waitFor();
const opened = epoch();
await page.evaluate(() => { location.hash = "#/graph/soak?sel=/soak"; });
await page.locator("aside").getByText(`${nodes} nodes`).waitFor({ timeout: 120_000 });
await page.evaluate((n) => new Promise((ok) => { const p = document.querySelector("[data-drawn]"), look = () => (Number(p.dataset.elements) >= n ? setTimeout(ok, 0) : requestAnimationFrame(look)); look(); }), elements);
const all = await page.evaluate(() => performance.getEntriesByType("resource").filter((e) => e.name.includes("path=%2Fsoak&")).reduce((s, e) => ({ pages: s.pages + 1, sent: s.sent + e.encodedBodySize, text: s.text + e.decodedBodySize }), { pages: 0, sent: 0, text: 0 }));
console.log(`${elements} elements: ${((epoch() - opened) / 1000).toFixed(2)} s from opening them, ${all.pages} pages, ${(all.text / (1 << 20)).toFixed(1)} MiB of JSON, ${(all.sent / (1 << 20)).toFixed(1)} on the wire`);

// watch notes in the page when which record stood in the picture.
await page.evaluate(() => {
  const p = document.querySelector("[data-drawn]");
  window.seen = [];
  new MutationObserver(() => { const seq = Number(p.dataset.drawn); if (seq !== window.seen.at(-1)?.[0]) window.seen.push([seq, performance.timeOrigin + performance.now()]); }).observe(p, { attributes: true, attributeFilter: ["data-drawn"] });
});
const shown = () => page.evaluate(() => ({ live: Number(document.querySelector("[data-drawn]").dataset.live), seen: window.seen.splice(0) }));
const quantile = (list, q) => list.length ? list.sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))] : NaN;
// delays are those from each acknowledged record to the first picture that has it.
function delays(acked, seen) {
  const out = [];
  let k = 0;
  for (const [seq, at] of acked.sort((a, b) => a[0] - b[0])) {
    while (k < seen.length && seen[k][0] < seq) k++;
    if (k < seen.length) out.push(seen[k][1] - at);
  }
  return out;
}
const pick = (() => { let s = 3; return (n) => { s = (s * 48271) % 2147483647; return s % n; }; })(); // always the same numbers
let sent = 0;
const made = [];
const change = () => {
  const kind = pick(10);
  sent++;
  if (kind === 8 && made.length < 300) { made.push(`/soak/new${sent}`); return [{ op: "add_node", path: made.at(-1), kind: "File" }]; }
  if (kind === 9 && made.length > 200) return [{ op: "remove", path: made.shift() }];
  return [{ op: "set", path: `/soak/n${pick(nodes)}`, props: { weight: sent } }];
};

await shown();
const calm = [];
for (let n = 0; n < commits; n++) { calm.push([await rewrite(change()), epoch()]); await new Promise((ok) => setTimeout(ok, 40)); }
await until(async () => Number(await page.locator("[data-drawn]").getAttribute("data-drawn")) >= calm.at(-1)[0], "all are shown");
const alone = delays(calm, (await shown()).seen);
console.log(`from an acknowledged record to the picture, one at a time: ${quantile(alone, 0.5).toFixed(0)} ms in the middle, p95 ${quantile(alone, 0.95).toFixed(0)} ms (must be <= 100)`);

// stream sends for a while, and returns when the last of it is acknowledged and shown.
// What is not acknowledged within a second holds back what is sent.
async function stream(ms) {
  const acked = [], begun = performance.now(), before = await shown();
  let due = 0, open = 0, last = 0;
  await new Promise((ok, failed) => {
    const timer = setInterval(() => {
      const at = performance.now() - begun, want = Math.min(ms, at) * perSecond / 1000;
      for (; due < want && open < perSecond; due++) {
        open++;
        rewrite(change()).then((seq) => { open--; last = Math.max(last, seq); acked.push([seq, epoch()]); if (at >= ms && !open) { clearInterval(timer); ok(); } }, (e) => { clearInterval(timer); failed(e); });
      }
      if (at >= ms && !open) { clearInterval(timer); ok(); }
    }, 4);
  });
  await page.evaluate((seq) => new Promise((ok) => { const p = document.querySelector("[data-drawn]"), look = () => (Number(p.dataset.drawn) >= seq ? ok() : requestAnimationFrame(look)); look(); }), last);
  const took = performance.now() - begun, after = await shown();
  return { sent: due, seconds: took / 1000, live: after.live - before.live, rate: 1000 * (after.live - before.live) / took, p95: quantile(delays(acked, after.seen), 0.95) };
}
await stream(5000); // what is made once is made
const first = await held(), beats = [];
const tell = (at, text) => console.log(`${String(Math.round(at)).padStart(5)} s: ${text}, ${beats.at(-1)?.held.toFixed(1) ?? first.toFixed(1)} MiB held, daemon ${daemonHolds().toFixed(0)} MiB`);
tell(0, `${elements} elements, ${perSecond} changes/s`);
for (let at = 0; at < seconds; at += beat) {
  const busy = (await metrics()).TaskDuration, b = await stream(1000 * beat);
  beats.push({ ...b, busy: (await metrics()).TaskDuration - busy, held: await held() });
  tell(at + beat, `${b.rate.toFixed(0)}/s shown of ${b.sent} sent, p95 ${b.p95.toFixed(0)} ms, main thread ${(100 * beats.at(-1).busy / b.seconds).toFixed(0)} %`);
}
const slowest = Math.min(...beats.map((b) => b.rate)), missed = beats.reduce((n, b) => n + b.sent - b.live, 0), grown = beats.at(-1).held - first;
const wrong = [...faults, ...(slowest < least ? [`a beat showed ${slowest.toFixed(0)}/s, at least ${least} have to be`] : []), ...(missed ? [`${missed} changes were not shown one by one`] : []), ...(grown > slack ? [`the end held ${grown.toFixed(1)} MiB more than the beginning, at most ${slack} may be`] : [])];
console.log(`slowest beat ${slowest.toFixed(0)}/s, end against beginning ${grown >= 0 ? "+" : ""}${grown.toFixed(1)} MiB: ${wrong.length ? "does not hold" : "holds"}`);
for (const w of wrong) console.error(w);
await browser.close();
agent.destroy();
await world.end();
process.exitCode = wrong.length ? 1 : 0;
