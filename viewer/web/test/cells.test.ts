import assert from "node:assert/strict";
import { test } from "node:test";
import { colOf, grid, layered, rowOf, shell, shellIndex } from "../src/layout/cells.ts";

test("shells reach every cell once, and know where", () => {
  const seen = new Set<number>();
  for (let n = 0; n < 900; n++) {
    const cell = shell(n);
    assert.equal(shellIndex(colOf(cell), rowOf(cell)), n);
    assert.ok(colOf(cell) < 30 && rowOf(cell) < 30);
    seen.add(cell);
  }
  assert.equal(seen.size, 900);
});

function distinct(cells: Int32Array): boolean {
  const seen = new Set<string>();
  for (let i = 0; i < cells.length; i += 2) seen.add(`${cells[i]},${cells[i + 1]}`);
  return seen.size === cells.length / 2;
}

test("a chain goes from left to right, side branches beside it", () => {
  const c = layered(5, Int32Array.from([0, 1, 1, 2, 0, 3, 3, 2]));
  assert.ok(distinct(c));
  assert.deepEqual([0, 1, 3, 2].map((v) => c[2 * v]), [0, 1, 1, 2]);
  assert.ok(c[2 * 4 + 1]! > Math.max(c[1]!, c[3]!, c[5]!, c[7]!), "what has no edge stands below");
});

test("cycles, loops, stars and long chains are laid out without two in one place", () => {
  assert.ok(distinct(layered(3, Int32Array.from([0, 1, 1, 2, 2, 0, 1, 1]))));
  const star = layered(500, Int32Array.from(Array.from({ length: 499 }, (_, i) => [0, i + 1]).flat()));
  assert.ok(distinct(star));
  assert.ok(Math.max(...star) < 60, `a star of 500 is ${Math.max(...star)} long`);
  const chain = layered(3000, Int32Array.from(Array.from({ length: 2999 }, (_, i) => [i, i + 1]).flat()));
  assert.ok(distinct(chain));
  assert.ok(distinct(grid(777)));
});

test("the same graph has the same layout", () => {
  const ties = Int32Array.from(Array.from({ length: 400 }, (_, i) => [(i * 7) % 200, (i * 13 + 5) % 200]).flat());
  assert.deepEqual(layered(200, ties), layered(200, ties));
  assert.ok(distinct(layered(200, ties)));
});
