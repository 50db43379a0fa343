import assert from "node:assert/strict";
import { test } from "node:test";
import { Cells, noMemory } from "../src/layout/placer.ts";
import { Store } from "../src/model/store.ts";
import { Loader } from "../src/state/loader.ts";

// served answers GET /rmg as a daemon at some seq would, once it is let go.
function served() {
  const waiting: ((seq: number, ids: string[]) => void)[] = [], asked: string[] = [];
  globalThis.fetch = ((url: string) => new Promise((ok) => {
    asked.push(url);
    waiting.push((seq, ids) => ok(new Response(JSON.stringify({ view: "system", seq, digest: "", path: "/", element: { id: "", kind: "", props: {} }, graph: { nodes: ids.map((id) => ({ id, kind: "K", props: {} })), edges: [] } }))));
  })) as typeof fetch;
  return { waiting, asked };
}
const turn = () => new Promise((ok) => setTimeout(ok, 0));
const add = (seq: number, id: string) => ({ seq, tick: seq, at: "", view: "system", author: "", cause: "", reason: "", ops: [{ op: "add_node", path: `/${id}`, kind: "K" }] });

test("what came while a container was read is not lost, and what it had is not done twice", async () => {
  const d = served(), store = new Store(new Cells(noMemory), () => 1), loader = new Loader(store);
  loader.refresh();
  for (const r of [add(5, "e"), add(6, "f")]) { loader.follow(r); store.apply(r); }
  d.waiting[0]!(5, ["a", "e"]);
  await turn(); await turn();
  assert.deepEqual([...store.root.byId.keys()], ["a", "e", "f"]);
});

test("an answer of another version is not taken", async () => {
  const d = served(), store = new Store(new Cells(noMemory), () => 1), loader = new Loader(store);
  loader.refresh();
  loader.show("seq:3", new Map());
  d.waiting[0]!(9, ["new"]);
  await turn(); await turn();
  assert.equal(store.root.byId.size, 0);
  assert.match(d.asked[1]!, /view=seq%3A3/);
  d.waiting[1]!(3, ["old"]);
  await turn(); await turn();
  assert.deepEqual([...store.root.byId.keys()], ["old"]);
});

test("what was open and is not there at another moment is shown as empty, and comes back", async () => {
  const d = served(), store = new Store(new Cells(noMemory), () => 1), loader = new Loader(store);
  loader.refresh();
  d.waiting[0]!(9, ["a"]);
  await turn(); await turn();
  const problem = { ok: false, status: 404, json: () => Promise.resolve({ detail: "there is no such element", status: 404 }) };
  const real = globalThis.fetch;
  globalThis.fetch = (() => Promise.resolve(problem)) as unknown as typeof fetch;
  loader.show("seq:3", new Map());
  await turn(); await turn();
  assert.deepEqual([...store.root.byId.keys()], []);
  globalThis.fetch = real;
  loader.show("system", new Map());
  d.waiting[1]!(9, ["a"]);
  await turn(); await turn();
  assert.deepEqual([...store.root.byId.keys()], ["a"]);
});

test("a read that took too long is read again", async () => {
  const d = served(), store = new Store(new Cells(noMemory), () => 1), loader = new Loader(store);
  loader.refresh();
  for (let n = 0; n < 3; n++) loader.follow({ ...add(10 + n, "x"), ops: Array.from({ length: 100_000 }, () => ({ op: "set", path: "/x", props: {} })) });
  d.waiting[0]!(9, ["x"]);
  await turn(); await turn();
  assert.ok(store.dirty.has(store.root));
});

test("records are kept while something is read, and no longer", async () => {
  const d = served(), store = new Store(new Cells(noMemory), () => 1), loader = new Loader(store);
  loader.refresh();
  const kept = () => (loader as unknown as { records: unknown[] }).records.length;
  loader.follow(add(5, "e"));
  assert.equal(kept(), 1);
  d.waiting[0]!(5, ["e"]);
  await turn(); await turn();
  assert.equal(kept(), 0);
  for (let n = 6; n < 1000; n++) loader.follow(add(n, `n${n}`));
  assert.equal(kept(), 0);
});
