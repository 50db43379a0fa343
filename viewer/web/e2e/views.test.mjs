// Views of the system and of its history, against a real daemon.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { go, item, moment, opener, serious } from "./pages.mjs";
import { until, World } from "./world.mjs";

let world, browser, open;
const faults = [];
before(async () => { [world, browser] = await Promise.all([World.begin(), launch()]); open = opener(world, browser, faults); });
after(async () => { await browser?.close(); await world?.end(); });
const hash = (page) => page.evaluate(() => location.hash);

test("a range is dragged on the time bar, and what differs between its ends is marked and listed", async () => {
  const made = await world.rewrite([{ op: "add_node", path: "/range", kind: "Dir" }, { op: "add_node", path: "/range/a", kind: "Service", props: { port: 1 } }, { op: "add_node", path: "/range/b", kind: "Service" }, { op: "write", path: "/range/f.txt", text: "one\ntwo\n" }]);
  await world.rewrite([{ op: "set", path: "/range/a", props: { port: 2 } }]);
  await world.rewrite([{ op: "write", path: "/range/f.txt", text: "one\nTWO\n" }]);
  const last = await world.rewrite([{ op: "remove", path: "/range/b" }]);
  for (let n = 0; n < 12; n++) await world.rewrite([{ op: "add_node", path: `/range/later${n}`, kind: "Service" }]);
  const page = await open({}, { bypassCSP: true });
  await until(async () => await moment(page) === last + 12, "all of it is there");
  const strip = await page.locator("footer svg").boundingBox(), x = (seq) => strip.x + (strip.width * (seq - 1)) / (last + 11), y = strip.y + strip.height / 2;
  await page.mouse.move(x(last), y); // backwards is as good
  await page.mouse.down();
  await page.mouse.move(x(made + 1), y, { steps: 4 });
  await page.mouse.move(x(made), y, { steps: 2 });
  await page.mouse.up();
  await until(async () => new RegExp(`seq=${last}.*since=${made}|since=${made}.*seq=${last}`).test(await hash(page)), "the address names both ends");
  await page.locator("#range", { hasText: `difference of seq ${made} and seq ${last}` }).waitFor();
  await page.getByText("3 differences").first().waitFor();
  await go(page, `#/graph?seq=${last}&since=${made}&as=tree`);
  await item(page, "range").locator(".twist").click();
  for (const [name, sign] of [["a", "changed"], ["b", "removed"], ["f.txt", "changed"]]) await item(page, name).filter({ hasNot: page.getByText("range") }).getByText(sign, { exact: true }).waitFor({ state: "attached" });
  assert.equal(await item(page, "later0").count(), 0);
  await page.locator("details.changes summary").click();
  await page.locator("details.changes .diff .plus", { hasText: "TWO" }).waitFor();
  await page.locator("details.changes").getByRole("button", { name: "/range/a" }).click();
  await page.locator("#selected-path", { hasText: "/range/a" }).waitFor();
  assert.deepEqual(await serious(page), []);

  // The keys: Shift moves the beginning, without it the end moves.
  await page.getByRole("slider", { name: "Time" }).focus();
  await page.keyboard.press("Shift+ArrowRight");
  await page.locator("#range", { hasText: `difference of seq ${made + 1} and seq ${last}` }).waitFor();
  await page.keyboard.press("ArrowLeft");
  await page.locator("#range", { hasText: `difference of seq ${made + 1} and seq ${last - 1}` }).waitFor();
  await page.getByText("1 difference", { exact: false }).first().waitFor();
  await page.getByRole("button", { name: "No comparison" }).click();
  await page.locator("#range").waitFor({ state: "detached" });

  // A press without a drag goes to that moment; playing goes on from there.
  await page.mouse.click(x(made + 1), y);
  await until(async () => await moment(page) === made + 1, "a press goes there");
  await page.getByLabel("Speed").selectOption("20/s");
  await page.getByRole("button", { name: "Play" }).click();
  await until(async () => !/seq=/.test(await hash(page)), "it played to the end and follows");
  await page.context().close();
});

test("collapses, failures and what people did are marked over all of the history", async () => {
  const w = (await world.call("POST", "/sws", { reason: "to be marked" })).body.id;
  await world.rewrite([{ op: "add_node", path: "/marked", kind: "Service" }], `sws:${w}`);
  const { seq } = (await world.call("POST", `/sws/${w}/collapse`, {})).body;
  assert.ok(seq > 0);
  const page = await open();
  const d = (sort) => page.locator(`footer path.${sort}`).getAttribute("d");
  await until(async () => (await d("collapse"))?.includes(`M${seq} `), "the collapse is marked");
  await until(async () => (await d("person"))?.includes(`M${w.slice(1)} `), "so is who forked");
  await page.context().close();
});

test("kinds of elements are hidden, edges and refs followed, ancestors and descendants found, and pins stay", async () => {
  await world.rewrite([
    { op: "add_node", path: "/walk", kind: "Dir" }, ...["web", "auth", "db", "log"].map((n) => ({ op: "add_node", path: `/walk/${n}`, kind: n === "log" ? "Sink" : "Service" })),
    { op: "add_edge", path: "/walk/~1", kind: "uses", from: "web", to: "auth" }, { op: "add_edge", path: "/walk/~2", kind: "uses", from: "auth", to: "db" },
    { op: "set", path: "/walk/web", props: { logs: { $ref: "/walk/log" } } },
  ]);
  const page = await open({}, { bypassCSP: true }), path = page.locator("#selected-path");
  await go(page, "#/graph?as=tree&sel=/walk/web");
  await path.getByText("/walk/web").waitFor();
  await page.getByRole("button", { name: "/walk/log" }).click();
  await path.getByText("/walk/log").waitFor(); // along a ref
  await go(page, "#/graph?as=tree&sel=/walk/web");
  await page.locator(".ties").getByRole("button", { name: "auth" }).click();
  await path.getByText("/walk/auth").waitFor(); // along an edge
  await page.locator(".ties").getByRole("button", { name: "uses" }).first().click();
  await path.getByText("/walk/~").waitFor(); // to the edge itself
  await go(page, "#/graph?as=tree&sel=/walk/auth");
  await page.getByRole("button", { name: "All that leads here" }).click();
  await page.getByText("1 match", { exact: true }).first().waitFor();
  await item(page, "walk").locator(".twist").click();
  await item(page, "web").waitFor();
  assert.equal(await item(page, "db").count(), 0, "what does not lead here is left out");
  await page.getByRole("button", { name: "All that follows" }).click();
  await item(page, "db").waitFor();
  assert.equal(await item(page, "web").count(), 0);
  await go(page, "#/graph?as=tree&sel=/walk/web");
  await page.locator("summary", { hasText: "Kinds" }).click();
  await item(page, "log").waitFor();
  await page.getByLabel("Sink").uncheck();
  await item(page, "log").waitFor({ state: "detached" });
  await page.getByLabel("Sink").check();
  await item(page, "log").waitFor();

  await page.getByRole("button", { name: "Pin", exact: true }).click();
  const pins = page.getByRole("navigation", { name: "Pinned" });
  await pins.getByRole("button", { name: "/walk/web", exact: true }).waitFor();
  assert.deepEqual(await serious(page), []);
  await page.reload();
  await page.getByText("● live").waitFor();
  await go(page, "#/graph?as=tree");
  await pins.getByRole("button", { name: "/walk/web", exact: true }).click();
  await path.getByText("/walk/web").waitFor(); // after another load, from anywhere
  await pins.getByRole("button", { name: "Unpin /walk/web" }).click();
  await pins.waitFor({ state: "detached" });
  await page.context().close();
});

test("what comes, changes and goes is seen to, and then the picture is still", async () => {
  await world.rewrite([{ op: "add_node", path: "/fade", kind: "Dir" }, ...["a", "b", "c"].map((n) => ({ op: "add_node", path: `/fade/${n}`, kind: "Service" }))]);
  const page = await open({}, { reducedMotion: "no-preference" }), canvas = page.locator("canvas");
  await go(page, "#/graph/fade?sel=/fade");
  await page.locator("aside").getByText("3 nodes").waitFor();
  const still = async () => { for (let last; ;) { const now = (await canvas.screenshot()).toString("base64"); if (now === last) return now; last = now; } };
  // frames counts how many pictures differ from the one before, from now on until a record
  // is in the picture and nothing has changed for half a second.
  const drawn = () => page.locator("[data-drawn]").getAttribute("data-drawn");
  const frames = (want) => page.evaluate((want) => new Promise((ok) => {
    const c = document.querySelector("canvas"), p = document.querySelector("[data-drawn]");
    let last = "", n = 0, calm = 0;
    const look = () => {
      const now = c.toDataURL();
      if (now !== last) { n++; calm = performance.now(); }
      last = now;
      if (Number(p.dataset.drawn) >= want && performance.now() - calm > 500) ok(n); else requestAnimationFrame(look);
    };
    look();
  }), want);
  const after = async (op) => {
    await still();
    const counted = frames(Number(await drawn()) + 1);
    await world.rewrite([op]);
    return counted;
  };
  await still();
  // What was, what becomes of it, and at least one between. A machine that stood still
  // meanwhile has seen none: then it is looked at again.
  const most = { add_node: 0, set: 0, remove: 0 };
  for (let k = 0; k < 20 && Object.values(most).some((n) => n < 3); k++) {
    for (const op of [{ op: "add_node", path: `/fade/d${k}`, kind: "Service" }, { op: "set", path: "/fade/a", props: { n: k } }, { op: "remove", path: `/fade/d${k}` }]) most[op.op] = Math.max(most[op.op], await after(op));
  }
  for (const [op, n] of Object.entries(most)) assert.ok(n >= 3, `${op}: ${n} pictures`);
  await still();
  await page.context().close();
});

test("a prop tells why it is so, and what it caused", async () => {
  await world.rewrite([{ op: "add_node", path: "/cause", kind: "Dir" }, { op: "add_node", path: "/cause/a", kind: "Lamp", props: { lit: false } }]);
  const text = "rules:\n- rule: glow\n  at: /cause\n  reactive: true\n  match: [\"a:Lamp\"]\n  where: [\"a.lit == true\"]\n  unless: [\"a -[by]-> g\"]\n  create: [\"a -[by]-> g:Glow\"]\n";
  const added = await world.call("POST", "/rules", { text });
  assert.equal(added.status, 200, JSON.stringify(added.body));
  const seq = await world.rewrite([{ op: "set", path: "/cause/a", props: { lit: true } }]);
  const page = await open({}, { bypassCSP: true });
  await go(page, "#/graph?as=tree&sel=/cause/a");
  await page.locator("aside dl").getByRole("button", { name: "lit" }).click();
  const why = page.getByRole("complementary", { name: "Why", exact: true });
  await why.getByText("/cause/a#lit").waitFor();
  await why.getByRole("button", { name: `seq ${seq}`, exact: true }).waitFor();
  await why.getByRole("button", { name: "What it caused" }).click();
  await why.getByText(`rule glow fired on record ${seq}`).waitFor();
  assert.deepEqual(await serious(page), []);
  await page.context().close();
});

test("a person approves a change without one of its parts, and with a file written anew", async () => {
  assert.equal((await world.call("POST", "/policy", { document: "rules:\n- name: ask-all\n  effect: ask\n  verbs: [collapse]\n  paths: [/parts/**]\n  reason: a person looks\n" })).status, 200);
  const file = (name, text) => ({ op: "write", path: `/parts/${name}`, text });
  const lines = Array.from({ length: 20 }, (_, i) => `line ${i + 1}\n`);
  await world.rewrite([{ op: "add_node", path: "/parts", kind: "Dir" }, file("a.txt", lines.join("")), file("b.txt", "one\n")]);
  const w = (await world.call("POST", "/sws", {})).body.id;
  const changed = lines.with(1, "second\n").with(17, "eighteenth\n").join("");
  await world.rewrite([file("a.txt", changed), file("b.txt", "two\n")], `sws:${w}`);
  assert.equal((await world.call("POST", `/sws/${w}/collapse?wait=0s`, {})).status, 202);
  let asked;
  await until(async () => (asked = (await world.call("GET", "/inbox")).body.inbox.find((a) => a.sws === w)) !== undefined, "it is asked");

  const page = await open({}, { bypassCSP: true });
  await go(page, "#/inbox");
  const panel = page.getByRole("region", { name: asked.id });
  await panel.getByText("What is changed").click();
  await panel.getByRole("checkbox", { name: "keep part 2, at line 18" }).uncheck();
  await panel.getByRole("button", { name: "Approve with 1 amendment" }).waitFor();
  await panel.locator("fieldset").filter({ hasText: "b.txt" }).getByRole("button", { name: "Write it anew" }).click();
  await panel.getByRole("textbox", { name: /b\.txt, written anew/ }).fill("three\n");
  assert.deepEqual(await serious(page), []);
  await panel.getByRole("button", { name: "Approve with 2 amendments" }).click();
  let again; // outside of a repository what is left is asked about as it is
  await until(async () => (again = (await world.call("GET", "/inbox")).body.inbox.find((a) => a.sws === w && a.id !== asked.id)) !== undefined, "it is answered");
  await page.getByRole("region", { name: again.id }).getByRole("button", { name: "Approve", exact: true }).click();
  await until(async () => (await world.call("GET", `/sws/${w}`)).body.state === "collapsed", "it collapses");
  const holds = async (path, text) => JSON.stringify((await world.call("GET", `/rmg?path=${path}`)).body).includes(createHash("sha256").update(text).digest("hex"));
  assert.ok(await holds("/parts/a.txt", lines.with(1, "second\n").join("")), "the part is left out");
  assert.ok(await holds("/parts/b.txt", "three\n"), "the file is as it was written anew");
  await page.context().close();
});

test("kinds, policy and methods are shown as graphs and as source, with where they count", async () => {
  const set = await world.call("POST", "/rewrite", { view: "system", ops: [
    { op: "add_node", path: "/kind", kind: "Folder" },
    { op: "add_node", path: "/kind/Machine", kind: "Kind", props: { doc: "what runs", inner: ["Disk"] } },
    { op: "add_node", path: "/kind/Machine/cores", kind: "Prop", props: { type: "int", required: true } },
    { op: "add_node", path: "/kind/wired", kind: "Kind", props: { from: ["Machine"], to: ["Machine"], multiplicity: "one_out" } },
    { op: "add_node", path: "/rack", kind: "Folder" }, { op: "add_node", path: "/rack/m1", kind: "Machine", props: { cores: 2 } },
  ] });
  assert.equal(set.status, 200, JSON.stringify(set.body));
  const policy = "rules:\n- name: ask-before-racks\n  effect: ask\n  verbs: [collapse]\n  paths: [/rack/**]\n  reason: a person looks at racks\n";
  assert.equal((await world.call("POST", "/policy", { document: policy })).status, 200);
  const w = (await world.call("POST", "/sws", {})).body.id;
  await world.rewrite([{ op: "add_node", path: "/rack/m2", kind: "Machine", props: { cores: 4 } }], `sws:${w}`);
  assert.equal((await world.call("POST", `/sws/${w}/collapse?wait=0s`, {})).status, 202);
  await until(async () => (await world.call("GET", "/inbox")).body.inbox.length > 0, "it is asked");

  const page = await open({}, { bypassCSP: true });
  await go(page, "#/rules");
  await page.getByRole("img", { name: /^Kinds and the edges .*: Machine: cores\*: int; Disk: ; Machine ▣ Disk; Machine wired one_out Machine$/ }).waitFor();
  await page.getByRole("img", { name: /^Verbs, rules and places.*~ask-before-racks: ask; .*collapse → ask-before-racks.*ask-before-racks → \/rack\/\*\*/ }).waitFor();
  const rule = page.getByRole("row").filter({ hasText: "ask-before-racks" });
  await rule.getByText("What it asked a person").waitFor();
  await rule.getByRole("link", { name: /^a\d+$/ }).waitFor();
  const method = page.locator("details").filter({ has: page.locator("summary b", { hasText: /^FixBug$|^fix/i }) }).first();
  await method.locator("summary").click();
  await method.getByRole("img").first().waitFor();
  await method.locator("pre", { hasText: /task: / }).first().waitFor();
  const kind = page.locator("details").filter({ has: page.locator("summary b", { hasText: /^Machine$/ }) });
  await kind.locator("summary").click();
  await kind.getByText("cores*: int").first().waitFor();
  await kind.locator("pre", { hasText: '"required": true' }).waitFor();
  assert.deepEqual(await serious(page), []);
  await kind.getByRole("link", { name: "Where it is used" }).click();
  await page.getByText("1 match", { exact: true }).first().waitFor();
  await page.locator("#selected-path", { hasText: "/rack/m1" }).waitFor();
  await page.context().close();
});

test("no page threw anything", () => { assert.deepEqual(faults, []); });
