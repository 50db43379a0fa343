// Prints the figures of the benchmark page: wall time as the page sees it, and
// beside it the processor time of the page's main thread, which other work on
// the machine does not lengthen. SECONDS says how long changes are streamed.
import { launch } from "./chromium.mjs";
import { serve } from "./static.mjs";

const seconds = Number(process.env.SECONDS ?? 10);
const server = await serve(), browser = await launch();
const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
const cdp = await page.context().newCDPSession(page);
await cdp.send("Performance.setTimeDomain", { timeDomain: "threadTicks" });
await cdp.send("Performance.enable");
const cpu = async () => Object.fromEntries((await cdp.send("Performance.getMetrics")).metrics.map((m) => [m.name, m.value])).TaskDuration * 1000;
await page.goto(`${server.url}/gallery?seconds=${seconds}#bench`);
await page.waitForFunction(() => window.bench);
const yard = await page.evaluate(() => { let x = 0; const b = performance.now(); for (let i = 0; i < 1e8; i++) x += i % 7; return performance.now() - b + (x ? 0 : 1); });
console.log(`yardstick: 1e8 steps of a loop took ${yard.toFixed(0)} ms, for comparing machines and moments`);
for (const [n, first, pan] of [[1000, 100, 16], [10000, 200, 16], [100000, 700, 33]]) {
  for (const [what, most, per] of [["first", first, 1], ["pan", pan, 8 * 40], ...(n > 1000 ? [["stream", 0, 1]] : [])]) {
    if (what === "first") await page.evaluate((size) => window.bench.make(size), n);
    const before = await cpu(), had = (await page.evaluate(() => window.bench.rows())).length;
    await page.evaluate(([w, size, m]) => window.bench[w](size, m), [what, n, what === "stream" ? seconds : most]);
    const used = (await cpu()) - before;
    for (const r of (await page.evaluate(() => window.bench.rows())).slice(had)) console.log(`${r.name}: ${r.value} ${r.unit}${r.must ? ` (must be ${r.must})` : ""}`);
    console.log(`  main thread: ${(used / per).toFixed(1)} ms of processor time${per > 1 ? " a frame" : what === "stream" ? ` in ${seconds} s` : ""}`);
  }
}
await browser.close();
server.close();
