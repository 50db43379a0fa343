import assert from "node:assert/strict";
import { literal } from "../src/model/paths.ts";
import { test } from "node:test";
import { format, home, parse, versionOf } from "../src/state/route.ts";

test("an address brings back what it was made of", () => {
  for (const r of [
    home,
    { ...home, path: "/repo/a b/x%2Fy/f%3A12", sel: "/repo/~e", view: "sws:w4", seq: 12, tree: true, find: "/svc/*[kind=A]" },
    { ...home, path: "/ü/<img src=x>/%25" },
    { ...home, over: "w4,w71" },
    { ...home, tab: "processes" as const, id: "p4", why: "/a:12", since: 3 },
  ]) assert.deepEqual(parse(format(r)), r);
});

test("what is no address is the beginning", () => {
  for (const h of ["", "#", "#/nowhere", "#/graph?view=javascript:1&seq=-3"]) assert.deepEqual(parse(h), home);
});

test("versions are named as the daemon names them", () => {
  assert.equal(versionOf({ view: "system", seq: 0 }), "system");
  assert.equal(versionOf({ view: "system", seq: 7 }), "seq:7");
  assert.equal(versionOf({ view: "sws:w4", seq: 7 }), "sws:w4@7");
});

test("a path in a selector means itself", () => {
  assert.equal(literal("/svc/[a]*<b>?/x%2Fy"), "/svc/%5Ba%5D%2A%3Cb%3E%3F/x%2Fy");
});
