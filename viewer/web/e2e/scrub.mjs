// How long it takes from moving the time bar to the picture of that moment, on a log of
// RECORDS records (a million unless told) over a thousand elements of one level.
import { launch } from "./chromium.mjs";
import { bench, World, until } from "./world.mjs";

const records = Number(process.env.RECORDS ?? 1_000_000), moves = 60;
if (!(records >= 4096)) throw new Error(`RECORDS=${process.env.RECORDS} is not a number from 4096 on`);
const lasting = (from) => `${((Date.now() - from) / 1000).toFixed(0)} s`;
const began = Date.now(), world = await World.begin({ fill: (data) => bench("-fill", data, "-records", String(records)) });
console.log(`${records} records in ${lasting(began)}`);
// The daemon folds the log on from mark to mark when it has nothing else to do, and rests in between.
const marking = Date.now();
await until(async () => (await world.call("GET", "/status")).body.marked > records - 1024, "old versions have their marks", 1_200_000);
console.log(`old versions have their marks after ${lasting(marking)}`);

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
