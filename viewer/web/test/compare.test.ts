import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change } from "../src/api/types.ts";
import { paired } from "../src/model/compare.ts";

const change = (path: string): Change => ({ path, change: "changed", props: {} });

test("two attempts are held against each other path by path", () => {
  const got = paired([change("/a"), change("/b"), change("/c")], [change("/b"), change("/c"), change("/d")], [change("/a"), change("/c"), change("/d")]);
  assert.deepEqual(got.map((p) => `${p.path} ${p.by}`), ["/a left", "/b same", "/c differs", "/d right"]);
  assert.deepEqual(paired([], [], []), []);
});
