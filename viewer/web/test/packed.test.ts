import assert from "node:assert/strict";
import { test } from "node:test";
import type { Op, WireGraph } from "../src/api/types.ts";
import { chance } from "../src/gallery/canned.ts";
import { Cells, noMemory } from "../src/layout/placer.ts";
import { linksOf, Store } from "../src/model/store.ts";
import { Packed } from "../src/model/packed.ts";
import { cell } from "../src/render/camera.ts";
import { Landmarks, seen } from "../src/render/far.ts";

// agrees holds a container's numbers, and the lists of its edges, to its objects.
function agrees(s: Store, when: string) {
  const { packed: p, items, links, index, linkById } = s.root;
  assert.deepEqual([p.nodes, p.edges], [items.length, links.length], when);
  items.forEach((i, n) => {
    assert.deepEqual([n, p.cells[2 * n], p.cells[2 * n + 1], p.names[p.kinds[n]!]], [i.at, i.col, i.row, i.kind], `${when}: ${i.id}`);
    assert.deepEqual(linksOf(i).map((l) => l.id).sort(), links.filter((l) => l.from === i || l.to === i).map((l) => l.id).sort(), `${when}: edges of ${i.id}`);
  });
  links.forEach((l, n) => assert.deepEqual([n, items[p.ends[2 * n]!]!.id, items[p.ends[2 * n + 1]!]!.id], [l.at, l.from.id, l.to.id], `${when}: ${l.id}`));
  assert.deepEqual(p.counts().sort(), [...new Set(items.map((i) => i.kind))].map((k) => [k, items.filter((i) => i.kind === k).length]).sort(), when);
  if (index) assert.deepEqual([...linkById.keys()].sort(), links.map((l) => l.id).sort(), when);
}

test("the numbers of a container are those of its elements, whatever comes and goes", () => {
  const pick = chance(5), s = new Store(new Cells(noMemory), () => 1), g: WireGraph = { nodes: [], edges: [] };
  for (let i = 0; i < 40; i++) g.nodes.push({ id: `n${i}`, kind: `K${i % 3}`, props: {} });
  for (let i = 0; i < 60; i++) g.edges.push({ id: `e${i}`, kind: "k", from: `n${pick(40)}`, to: `n${pick(40)}`, props: {} });
  s.fill(s.root, g, 1);
  agrees(s, "filled");
  for (let seq = 2; seq < 600; seq++) {
    const ops: Op[] = [];
    switch (pick(5)) {
      case 0: ops.push({ op: "add_node", path: `/n${pick(60)}`, kind: "K9" }); break;
      case 1: ops.push({ op: "remove", path: `/n${pick(60)}` }); break;
      case 2: ops.push({ op: "add_edge", path: `/~f${pick(80)}`, kind: "k", from: `n${pick(60)}`, to: `n${pick(60)}` }); break;
      case 3: ops.push({ op: "remove", path: `/~${pick(2) ? "e" : "f"}${pick(80)}` }); break;
      case 4: ops.push({ op: "retype", path: `/n${pick(60)}`, kind: `K${pick(4)}` });
    }
    s.apply({ seq, tick: seq, at: "", view: "system", author: "", cause: "", reason: "", ops });
    if (seq % 10 === 0) agrees(s, `after ${seq}`);
  }
  assert.ok(s.root.items.length > 5 && s.root.links.length > 5, "there is something left to hold to it");
  s.fill(s.root, { nodes: g.nodes.slice(0, 12), edges: g.edges.filter((e) => Number(e.from.slice(1)) < 12 && Number(e.to.slice(1)) < 12) }, 900);
  agrees(s, "filled again");
});

test("what changed is told in order, once, and forgotten", () => {
  let now = 10;
  const s = new Store(new Cells(noMemory), () => now);
  s.fill(s.root, { nodes: ["a", "b"].map((id) => ({ id, kind: "K", props: {} })), edges: [] }, 1);
  assert.equal(s.root.recent.size, 0, "what was read is no news");
  const set = (seq: number, path: string) => s.apply({ seq, tick: seq, at: "", view: "system", author: "", cause: "", reason: "", ops: [{ op: "set", path, props: { n: seq } }] });
  set(2, "/a"); now = 20; set(3, "/b"); now = 30; set(4, "/a");
  assert.deepEqual([...s.root.recent].map((x) => x.id), ["b", "a"]);
  s.settle(20);
  assert.deepEqual([...s.root.recent].map((x) => x.id), ["a"]);
  s.apply({ seq: 5, tick: 5, at: "", view: "system", author: "", cause: "", reason: "", ops: [{ op: "remove", path: "/a" }] });
  assert.equal(s.root.recent.size, 0);
});

// row is nodes side by side, each tied to the next.
function row(n: number): Packed {
  const p = new Packed();
  for (let i = 0; i < n; i++) { p.node(i % 2 ? "odd" : "even"); p.place(i, i, 0); }
  for (let i = 1; i < n; i++) p.edge(i - 1, i);
  return p;
}

test("edges in view are those that one could see", () => {
  const p = row(100), list = new Int32Array(99), view = { w: 10 * cell.w, h: cell.h };
  assert.equal(seen(p, { x: 0, y: 0, s: 1 }, view, undefined, list), 11); // of ten cells, and the ones that lead in and out
  assert.deepEqual([...list.subarray(0, 3)], [0, 1, 2]);
  assert.equal(seen(p, { x: -50 * cell.w, y: 0, s: 1 }, view, undefined, list), 13);
  assert.equal(seen(p, { x: 0, y: 9 * cell.h, s: 1 }, view, undefined, list), 0);
  assert.equal(seen(p, { x: 0, y: 0, s: 1 }, view, Uint8Array.of(1, 0), list), 0, "what is hidden takes its edges along");
});

test("landmarks are one a tile, the one with most edges, and stay while one pans", () => {
  const p = row(64), marks = new Landmarks(), s = 130 / cell.w / 8; // eight cells a tile
  p.edge(3, 40); p.edge(3, 50);
  const list = marks.of(p, { x: 0, y: 0, s }, undefined);
  assert.equal(list.length, 8);
  assert.equal(list[0], 3);
  assert.deepEqual(marks.of(p, { x: -333, y: 20, s }, undefined), list);
  p.edge(5, 41); p.edge(5, 42); p.edge(5, 43);
  assert.equal(marks.of(p, { x: 0, y: 0, s }, undefined)[0], 5, "and follow what changes");
  assert.ok(![...marks.of(p, { x: 0, y: 0, s }, Uint8Array.of(0, 1))].includes(5), "nobody that is hidden has a name");
});
