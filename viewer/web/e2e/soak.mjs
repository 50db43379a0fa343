// Streams a thousand changes a second into a picture for SECONDS (600), at ELEMENTS
// (10000), and tells every BEAT seconds (10) how many were shown and what memory is
// held once what nobody holds was collected. It fails if a beat showed fewer than
// 950/s, or if the second half of the run held more than the first, but for what the
// places of gone elements may take (they are bounded).
import { launch } from "./chromium.mjs";
import { serve } from "./static.mjs";

const of = (name, usual) => { const n = Number(process.env[name] ?? usual); if (!(n > 0)) throw new Error(`${name}=${process.env[name]} is not a number above 0`); return n; };
const seconds = of("SECONDS", 600), elements = of("ELEMENTS", 10_000), beat = Math.min(of("BEAT", 10), seconds / 2), slack = 3; // MiB
const server = await serve(), browser = await launch();
const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
const faults = [];
page.on("pageerror", (e) => faults.push(e.message));
const cdp = await page.context().newCDPSession(page);
await cdp.send("Performance.setTimeDomain", { timeDomain: "threadTicks" });
await cdp.send("Performance.enable");
const metrics = async () => Object.fromEntries((await cdp.send("Performance.getMetrics")).metrics.map((m) => [m.name, m.value]));
const held = async () => { await cdp.send("HeapProfiler.collectGarbage"); return (await metrics()).JSHeapUsedSize / (1 << 20); };
await page.goto(`${server.url}/gallery#bench`);
await page.waitForFunction(() => window.bench);
await page.evaluate((n) => window.bench.first(n, 1), elements);
await page.evaluate(([n, s]) => window.bench.stream(n, s, false), [elements, Math.min(5, beat)]); // what is made once is made
console.log(`${elements} elements, 1000 changes/s, ${seconds} s; held at the beginning: ${(await held()).toFixed(1)} MiB`);
const beats = [];
for (let at = 0; at < seconds; at += beat) {
  const before = (await metrics()).TaskDuration, b = await page.evaluate(([n, s]) => window.bench.stream(n, s, false), [elements, beat]);
  const busy = ((await metrics()).TaskDuration - before) / beat;
  beats.push({ ...b, held: await held() });
  console.log(`${String(Math.round(at + beat)).padStart(5)} s: ${b.rate.toFixed(0)}/s shown, p95 ${b.p95} ms, longest frame ${b.slow.toFixed(0)} ms, main thread ${(100 * busy).toFixed(0)} %, ${b.nodes} nodes, ${beats.at(-1).held.toFixed(1)} MiB held`);
}
const half = beats.length >> 1, least = (l) => Math.min(...l.map((b) => b.held)), grown = least(beats.slice(half)) - least(beats.slice(0, half)), slowest = Math.min(...beats.map((b) => b.rate));
const wrong = [...faults, ...(slowest < 950 ? [`a beat showed ${slowest.toFixed(0)}/s, at least 950 have to be`] : []), ...(grown > slack ? [`the second half held ${grown.toFixed(1)} MiB more than the first, at most ${slack} may be`] : [])];
console.log(`slowest beat ${slowest.toFixed(0)}/s, second half against first ${grown >= 0 ? "+" : ""}${grown.toFixed(1)} MiB: ${wrong.length ? "does not hold" : "holds"}`);
for (const w of wrong) console.error(w);
await browser.close();
server.close();
process.exitCode = wrong.length ? 1 : 0;
