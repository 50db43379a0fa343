import assert from "node:assert/strict";
import { test } from "node:test";
import { chance } from "../src/gallery/canned.ts";
import { merged, regions } from "../src/model/hunks.ts";

const says = (base: string, system: string, workspace: string) => regions(base, system, workspace).map((r) => `${r.by || "="} ${r.line} ${r.base.join("")}|${r.system.join("")}|${r.workspace.join("")}`.replaceAll("\n", "."));

test("what one side changed is taken, where both did somebody chooses", () => {
  const base = "a\nb\nc\nd\ne\nf\n";
  assert.deepEqual(says(base, "a\nB\nc\nd\nE1\nf\n", "a\nb\nc\nD\nd\nE2\nf\n"), [
    "= 1 a.|a.|a.", "system 2 b.|B.|b.", "= 3 c.|c.|c.", "workspace 4 ||D.", "= 4 d.|d.|d.", "conflict 5 e.|E1.|E2.", "= 6 f.|f.|f.",
  ]);
  const all = regions(base, "a\nB\nc\nd\nE1\nf\n", "a\nb\nc\nD\nd\nE2\nf\n");
  assert.equal(merged(all, []), undefined, "nothing is settled before somebody chose");
  assert.equal(merged(all, [{ take: "system" }]), "a\nB\nc\nD\nd\nE1\nf\n");
  assert.equal(merged(all, [{ take: "workspace" }]), "a\nB\nc\nD\nd\nE2\nf\n");
  assert.equal(merged(all, [{ take: "base" }]), "a\nB\nc\nD\nd\ne\nf\n");
  assert.equal(merged(all, [{ text: "x\ny" }]), "a\nB\nc\nD\nd\nx\ny\nf\n", "the line after it stays one");
  assert.equal(merged(all, [{ text: "x\ny\n" }]), "a\nB\nc\nD\nd\nx\ny\nf\n");
});

test("an end without a newline, nothing at all, and the same change twice", () => {
  assert.deepEqual(says("a\nb", "a\nb\n", "a\nc"), ["= 1 a.|a.|a.", "conflict 2 b|b.|c"]);
  assert.deepEqual(says("", "x\n", "y\n"), ["conflict 1 |x.|y."]);
  assert.deepEqual(says("a\n", "b\n", "b\n"), ["both 1 a.|b.|b."]);
  assert.equal(merged(regions("a\n", "b\n", "b\n"), []), "b\n");
  assert.deepEqual(regions("", "", ""), []);
});

test("all choices of one side make the texts, but for what only the other changed", () => {
  const pick = chance(11);
  for (let round = 0; round < 300; round++) {
    const base = Array.from({ length: pick(20) }, () => `${"abcde"[pick(5)]}\n`);
    const edit = () => base.flatMap((l) => { const n = pick(8); return n === 0 ? [] : n === 1 ? [l, "new\n"] : n === 2 ? [`${pick(3)}\n`] : [l]; }).join("") + (pick(3) ? "" : "end");
    const system = edit(), workspace = edit(), o = base.join(""), all = regions(o, system, workspace);
    assert.equal(all.map((r) => r.base.join("")).join(""), o);
    assert.equal(all.map((r) => r.system.join("")).join(""), system);
    assert.equal(all.map((r) => r.workspace.join("")).join(""), workspace);
    assert.equal(merged(regions(o, system, o), []), system, "one that changed alone conflicts with nobody");
    for (const r of all) if (r.by === "") assert.ok(r.base.join("") === r.system.join("") && r.base.join("") === r.workspace.join(""));
  }
});
