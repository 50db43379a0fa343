import assert from "node:assert/strict";
import { test } from "node:test";
import type { Op, Rec, WireGraph } from "../src/api/types.ts";
import { Cells, noMemory } from "../src/layout/placer.ts";
import { linksOf, Store, type Container } from "../src/model/store.ts";
import { ancestors, join, last, parentOf, plain, plainID, segment } from "../src/model/paths.ts";

const rec = (seq: number, ...ops: Op[]): Rec => ({ seq, tick: seq, at: "", view: "system", author: "a", cause: "", reason: "", ops });
const node = (id: string, inner?: number) => ({ id, kind: "K", props: {}, ...(inner ? { inner: { nodes: inner, edges: 0 } } : {}) });
const shown = (c: Container) => ({
  nodes: [...c.byId.values()].map((i) => [i.id, i.kind, i.props, i.inner ?? null]).sort(),
  edges: [...c.linkById.values()].map((l) => [l.id, l.from.id, l.to.id, l.props]).sort(),
});
const store = (g: WireGraph, seq: number) => { const s = new Store(new Cells(noMemory), () => 1); s.fill(s.root, g, seq); return s; };

test("paths are escaped as the daemon does", () => {
  assert.equal(segment("a/b%~"), "a%2Fb%25~");
  assert.equal(segment("~x"), "%7Ex");
  assert.equal(segment("f:12"), "f%3A12");
  assert.equal(join("/", "x y", true), "/~x y");
  assert.deepEqual(last("/a/~b%2Fc"), { id: "b/c", edge: true });
  assert.equal(parentOf("/a"), "/");
  assert.deepEqual(ancestors("/a/b"), ["/", "/a", "/a/b"]);
});

test("ids that are not UTF-8 stay what they are", () => {
  for (const [bytes, path] of [[[0x61, 0xff], "a%FF"], [[0xe2, 0x82], "%E2%82"], [[0xc3, 0xa9, 0x80], "é%80"], [[0xf0, 0x9f, 0x98, 0x80, 0xfe], "\u{1f600}%FE"]] as [number[], string][]) {
    const id = plainID({ $bytes: btoa(String.fromCharCode(...bytes)) });
    assert.equal(segment(id), path);
    assert.equal(last("/x/" + path).id, id);
  }
  assert.equal(plainID("\u{1f600}"), "\u{1f600}");
  assert.equal(segment("\u{1f600}"), "\u{1f600}");
  const odd = { $bytes: btoa("\xff") } as unknown as string;
  const g = plain({ nodes: [node(odd)], edges: [{ id: odd, kind: "k", from: odd, to: odd, props: {} }] });
  const s = store(g, 1);
  s.apply(rec(2, { op: "set", path: "/%FF", props: { x: 1 } }, { op: "add_edge", path: "/~f", kind: "k", from: odd, to: odd }));
  assert.deepEqual(shown(s.root).nodes.map((n) => n[2]), [{ x: 1 }]);
  assert.deepEqual(shown(s.root).edges.length, 2);
});

test("records do what they say, once", () => {
  const s = store({ nodes: [node("a"), node("b", 2)], edges: [{ id: "e", kind: "k", from: "a", to: "b", props: {} }] }, 5);
  s.apply(rec(5, { op: "add_node", path: "/old", kind: "K" })); // was read with the rest
  s.apply(rec(6, { op: "add_node", path: "/c", kind: "K", props: { x: 1, y: "z" } }, { op: "add_edge", path: "/~f", kind: "k", from: "b", to: "c" }));
  s.apply(rec(7, { op: "set", path: "/c", props: { x: 2, y: null } }, { op: "inc", path: "/c", prop: "n", by: 3 }, { op: "retype", path: "/a", kind: "L" }));
  s.apply(rec(8, { op: "add_node", path: "/b/new", kind: "K" }, { op: "remove", path: "/~e" }));
  s.apply(rec(9, { op: "write", path: "/d", blob: "ab", size: 3, mode: "0755" }));
  assert.deepEqual(shown(s.root), {
    nodes: [["a", "L", {}, null], ["b", "K", {}, { nodes: 3, edges: 0 }], ["c", "K", { x: 2, n: 3 }, null], ["d", "File", { blob: { $blob: "ab", size: 3 }, mode: "0755" }, null]],
    edges: [["f", "b", "c", {}]],
  });
  assert.equal(s.dirty.size, 0);
});

test("what a record does not tell is read again", () => {
  for (const op of [{ op: "move", path: "/a", to: "/b/a" }, { op: "set_add", path: "/a", prop: "l", value: 1 }, { op: "set", path: "/gone", props: {} }, { op: "remove", path: "/b/x" }]) {
    const s = store({ nodes: [node("a"), node("b", 1)], edges: [] }, 1);
    s.apply(rec(2, op));
    assert.deepEqual([...s.dirty], [s.root], op.op);
  }
});

test("removing a node takes its edges along, and frees its place", () => {
  const s = store({ nodes: [node("a"), node("b"), node("c")], edges: [{ id: "e", kind: "k", from: "a", to: "b", props: {} }] }, 1);
  const b = s.item("/b")!, place = [b.col, b.row];
  s.apply(rec(2, { op: "remove", path: "/b", }));
  assert.equal(s.root.links.length, 0);
  assert.deepEqual(linksOf(s.item("/a")!), []);
  s.apply(rec(3, { op: "add_node", path: "/d", kind: "K" }));
  assert.deepEqual([s.item("/d")!.col, s.item("/d")!.row], place);
});

test("nothing that stays moves, whatever comes and goes", () => {
  const s = store({ nodes: Array.from({ length: 50 }, (_, i) => node(`n${i}`)), edges: [] }, 1);
  const places = new Map(s.root.items.map((i) => [i.id, `${i.col},${i.row}`]));
  for (let k = 0; k < 200; k++) s.apply(rec(2 + k, { op: "add_node", path: `/x${k}`, kind: "K" }, ...(k % 3 ? [{ op: "remove", path: `/x${k - 1}` }] : [])));
  s.fill(s.root, { nodes: [...places.keys()].map((id) => node(id)), edges: [] }, 900);
  for (const [id, at] of places) assert.equal(`${s.item(`/${id}`)!.col},${s.item(`/${id}`)!.row}`, at);
  assert.equal(s.root.items.length, 50);
  assert.equal(s.root.taken.size, 50);
});

test("a container read late is brought up to date without the others following twice", () => {
  const s = store({ nodes: [node("a", 1)], edges: [] }, 10);
  const box = s.open(s.item("/a")!);
  const r = rec(12, { op: "inc", path: "/a", prop: "n", by: 1 }, { op: "add_node", path: "/a/y", kind: "K" });
  s.apply(r);
  s.fill(box, { nodes: [node("x")], edges: [] }, 11); // read before the record, came after it
  s.apply(r, box);
  assert.deepEqual([...box.byId.keys()].sort(), ["x", "y"]);
  assert.equal(s.item("/a")!.props.n, 1);
  assert.deepEqual(s.item("/a")!.inner, { nodes: 2, edges: 0 });
});

test("what went and comes back stands where it stood", () => {
  const s = store({ nodes: Array.from({ length: 9 }, (_, i) => node(`n${i}`)), edges: [] }, 1), places = new Map(s.root.items.map((i) => [i.id, [i.col, i.row]]));
  s.fill(s.root, { nodes: [node("n0"), node("n8")], edges: [] }, 2);
  s.fill(s.root, { nodes: Array.from({ length: 9 }, (_, i) => node(`n${8 - i}`)), edges: [] }, 3);
  for (const [id, at] of places) assert.deepEqual([s.item(`/${id}`)!.col, s.item(`/${id}`)!.row], at);
});
