// What tests do with pages of a daemon.
import { createRequire } from "node:module";
import { patience } from "./world.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

// opener opens pages, each in a session of its own. What they throw goes to faults.
export const opener = (world, browser, faults) => async (how = {}, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", bypassCSP: false, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  page.on("pageerror", (e) => faults.push(e.message));
  page.on("dialog", (d) => { faults.push(`dialog: ${d.message()}`); void d.dismiss(); });
  page.url0 = await world.view(how);
  await page.goto(page.url0);
  await page.getByText("● live").waitFor();
  return page;
};
export const go = (page, hash) => page.evaluate((h) => { location.hash = h; }, hash);
export const item = (page, name) => page.getByRole("treeitem").filter({ has: page.locator("b", { hasText: name }) });
export const moment = async (page) => Number((await page.locator("#moment").innerText()).match(/\d+$/)[0]);

// calm waits until what a page has stays as it is for a quarter of a second.
export async function calm(page) {
  for (let last; ;) {
    const now = await page.evaluate(() => document.body.innerHTML);
    if (now === last) return;
    last = now;
    await new Promise((ok) => setTimeout(ok, 250));
  }
}

// serious lists what axe finds serious. It is put into the page by the test: the page's
// own policy would not have it, so the page is opened with bypassCSP.
export async function serious(page) {
  await page.addScriptTag({ path: axe });
  return page.evaluate(async () => (await window.axe.run(document, { resultTypes: ["violations"] })).violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.any[0]?.message ?? ""}`).join(" | ")}`));
}
