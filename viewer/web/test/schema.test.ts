import assert from "node:assert/strict";
import { test } from "node:test";
import { spoken } from "../src/model/pattern.ts";
import { kinds, policy } from "../src/model/schema.ts";

const node = (id: string, kind: string, props = {}, inner: object[] = []) => ({ id, kind, props, ...(inner.length ? { graph: { nodes: inner, edges: [] } } : {}) }) as never;

test("kinds are drawn with their props, what stands inside, and the edges that may join them", () => {
  const p = kinds({ edges: [], nodes: [
    node("Service", "Kind", { inner: ["Endpoint", "calls"], closed: true }, [node("lang", "Prop", { type: "string", required: true }), node("port", "Prop", { type: "int", default: 80 })]),
    node("calls", "Kind", { from: ["Service"], to: ["Service", "Queue"], multiplicity: "one_out" }, [node("weight", "Prop", {})]),
    node("owns", "Kind", { of: "edge" }),
  ] });
  assert.equal(spoken(p), "Service: closed, lang*: string, port: int = 80; Endpoint: ; Queue: ; *: ; Service ▣ Endpoint; Service calls one_out, weight: any Service; Service calls one_out, weight: any Queue; * owns *");
  assert.deepEqual(p.boxes.filter((b) => b.outer).map((b) => b.name), ["Endpoint", "Queue", "*"], "what is named and not declared is dashed");
});

test("the policy is drawn from verbs over rules to places", () => {
  const p = policy([{ name: "ask-phone", effect: "ask", verbs: ["collapse", "write"], paths: ["/phone/**"] }, { name: "people", effect: "allow", verbs: ["write"], kinds: ["Service"], default: true }]);
  assert.equal(spoken(p), "~ask-phone: ask; collapse: verb; write: verb; /phone/**: path; +people: allow; Service: kind; collapse → ask-phone; write → ask-phone; ask-phone → /phone/**; write → people; people → Service");
  assert.deepEqual(p.boxes.filter((b) => b.outer).map((b) => b.name), ["people"]);
});
