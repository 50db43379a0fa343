// The gallery looks as it did. UPDATE=1 takes new pictures; look at them.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { serve } from "./static.mjs";
import { patience } from "./world.mjs";

const shots = new URL("shots/", import.meta.url);
const most = 0.015; // of the pixels may differ: fonts are not the same everywhere
let server, browser;
before(async () => { [server, browser] = await Promise.all([serve(), launch()]); });
after(async () => { await browser?.close(); server?.close(); });

async function still(locator) {
  for (let last; ;) {
    const now = await locator.screenshot();
    if (last?.equals(now)) return now;
    last = now;
  }
}

// apart counts, in the browser, which part of two pictures' pixels differs.
const apart = (page, a, b) => page.evaluate(async ([x, y]) => {
  const [p, q] = await Promise.all([x, y].map(async (text) => {
    const bits = await createImageBitmap(new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))])), c = new OffscreenCanvas(bits.width, bits.height).getContext("2d");
    c.drawImage(bits, 0, 0);
    return c.getImageData(0, 0, bits.width, bits.height);
  }));
  if (p.width !== q.width || p.height !== q.height) return 1;
  let n = 0;
  for (let i = 0; i < p.data.length; i += 4) if ([0, 1, 2].some((k) => Math.abs(p.data[i + k] - q.data[i + k]) > 40)) n++;
  return n / (p.width * p.height);
}, [a.toString("base64"), b.toString("base64")]);

for (const colorScheme of ["light", "dark"]) {
  test(`the gallery looks as it did, ${colorScheme}`, async () => {
    const page = await browser.newPage({ viewport: { width: 1000, height: 800 }, colorScheme, reducedMotion: "reduce" }), blank = await browser.newPage();
    page.setDefaultTimeout(patience);
    const faults = [];
    page.on("pageerror", (e) => faults.push(e.message));
    await page.goto(`${server.url}/gallery`);
    const all = page.locator("[data-picture]");
    await all.first().waitFor();
    mkdirSync(shots, { recursive: true });
    for (let i = 0; i < await all.count(); i++) {
      await all.nth(i).scrollIntoViewIfNeeded();
      const name = new URL(`${colorScheme}-${i}.png`, shots);
      if (process.env.UPDATE) { writeFileSync(name, await still(all.nth(i))); continue; }
      let share = 1; // it may be still because nothing is drawn yet
      for (const end = Date.now() + patience; share > most && Date.now() < end;) share = await apart(blank, readFileSync(name), await still(all.nth(i)));
      assert.ok(share <= most, `picture ${i}: ${(100 * share).toFixed(2)} % of the pixels differ from ${name.pathname}`);
    }
    assert.deepEqual(faults, []);
    await page.close();
  });
}

test("a box is entered by a double click, and left by a key", async () => {
  const page = await browser.newPage({ viewport: { width: 1000, height: 800 }, reducedMotion: "reduce" });
  page.setDefaultTimeout(patience);
  await page.goto(`${server.url}/gallery`);
  await page.waitForFunction(() => Number(document.querySelector('[data-picture="0"] [data-elements]')?.dataset.elements) > 0);
  const section = page.locator("section").filter({ has: page.locator('[data-picture="0"]') }), canvas = section.locator("canvas");
  await still(canvas);
  const box = await canvas.boundingBox(), at = { x: box.width / 2, y: 60 }; // in the second box
  await canvas.dblclick({ position: at });
  const where = section.locator("p.mono");
  await page.waitForFunction((s) => document.querySelector(s)?.getAttribute("data-at") !== "/", '[data-picture="0"] canvas');
  const inside = await canvas.getAttribute("data-at");
  await canvas.focus();
  await page.keyboard.press("Escape");
  await page.waitForFunction(([s, p]) => document.querySelector(s)?.getAttribute("data-at") !== p, ['[data-picture="0"] canvas', inside]);
  assert.equal(await where.innerText(), inside.split("/").slice(0, 2).join("/"), "what was left is selected");
  await page.close();
});
