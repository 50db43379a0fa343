import assert from "node:assert/strict";
import { test } from "node:test";
import { hunks } from "../src/model/lines.ts";

// A number generator that always gives the same, so that a failure repeats.
function chance(seed: number) { return (n: number) => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return seed % n; }; }

test("applying the hunks to one text gives the other", () => {
  const pick = chance(7);
  for (let round = 0; round < 500; round++) {
    const a = Array.from({ length: pick(40) }, () => "abc"[pick(3)]!), b = a.flatMap((l) => [[l], [], [l, "x"], ["y"], [l], [l]][pick(6)]!);
    const all = hunks(a.map((l) => l + "\n").join(""), b.map((l) => l + "\n").join(""));
    const out: string[] = [];
    let at = 0;
    for (const h of all) for (const l of h.lines) {
      if (l.sign !== "+") { while (at < l.a - 1) out.push(a[at++]!); assert.equal(a[at], l.text); at++; }
      if (l.sign !== "-") { if (l.sign === "+" ) while (out.length < l.b - 1) out.push(a[at++]!); assert.equal(out.length, l.b - 1); out.push(l.text); }
    }
    while (at < a.length) out.push(a[at++]!);
    assert.deepEqual(out, b, `round ${round}`);
  }
});

test("equal texts have no hunks, one changed line one of eight", () => {
  const text = Array.from({ length: 30 }, (_, i) => `line ${i}\n`).join("");
  assert.deepEqual(hunks(text, text), []);
  const [h, ...rest] = hunks(text, text.replace("line 9\n", "line nine\n"));
  assert.equal(rest.length, 0);
  assert.equal(h!.head, "@@ -7,7 +7,7 @@");
  assert.deepEqual(h!.lines.map((l) => l.sign).join(""), "   -+   ");
});
