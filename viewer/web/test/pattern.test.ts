import assert from "node:assert/strict";
import { test } from "node:test";
import type { Props, WireGraph } from "../src/api/types.ts";
import { flat, indented, spoken } from "../src/model/pattern.ts";

const v = (id: string, props: Props, graph?: WireGraph) => ({ id, kind: "Variable", props, ...(graph ? { graph } : {}) });
const link = (id: string, from: string, to: string, props: Props, kind = "Link") => ({ id, kind, from, to, props });

test("a rule is drawn with what it makes, removes and changes", () => {
  const right: WireGraph = { nodes: [v("a", { kind: "Service", does: ["inc lost: 1"] }), v("l", { kind: "Label", created: true })], edges: [link("-6", "a", "l", { kind: "labelled", created: true })] };
  const left: WireGraph = { nodes: [v("a", { kind: "Service" }), v("b", {}, { nodes: [v("x", { kind: "File" })], edges: [] })], edges: [link("e", "a", "b", { kind: "uses" }), link("way-1", "a", "b", { kind: "k", least: 1, most: 3 }, "Way")] };
  assert.equal(spoken(flat(left, right)), "a: Service; −b: *; −b / x: File; −a e uses b; −a k 1..3 b");
  assert.equal(spoken(flat(right)), "~a: Service, inc lost: 1; +l: Label; +a labelled l");
  assert.deepEqual(flat({ nodes: [v("a", { outer: true })], edges: [] }).boxes.map((b) => [b.outer, b.sign]), [[true, ""]]);
  assert.deepEqual(flat(undefined), { boxes: [], arrows: [] });
});

test("a source is set into lines, and says what it said", () => {
  const text = '{"rules":[{"a":1.0,"b":"x\\"{,:","c":[],"d":{}}]}';
  assert.equal(indented(text), '{\n  "rules": [\n    {\n      "a": 1.0,\n      "b": "x\\"{,:",\n      "c": [],\n      "d": {}\n    }\n  ]\n}');
});
