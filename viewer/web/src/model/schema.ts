// What /kind and the policy demand, as patterns to be drawn: kinds of nodes with
// what edges may join them and what may stand inside, and verbs, rules and places.
import type { Policy, Props, WireGraph, WireNode } from "../api/types.ts";
import type { Arrow, Box, Pattern } from "./pattern.ts";
import { words } from "./values.ts";

const list = (p: Props, name: string): string[] | undefined => (Array.isArray(p[name]) ? (p[name] as unknown[]).map(String) : undefined);

// ofEdges reports whether a kind is one of edges (rmg/schema.go says how it is told).
export const ofEdges = (p: Props): boolean => (p.of === undefined ? "from" in p || "to" in p || "multiplicity" in p : p.of === "edge");

// declared says what a kind demands of a prop: "port: int = 80", "lang*: string".
export function declared(n: WireNode): string {
  const p = n.props, type = typeof p.type === "string" ? p.type : "any";
  return `${n.id}${p.required === true ? "*" : ""}: ${type}${p.default === undefined ? "" : ` = ${words(p.default)}`}`;
}

export const propsOf = (n: WireNode): WireNode[] => n.graph?.nodes ?? [];

// any is who stands for all kinds, where an edge may leave or reach any.
const any = "*";

// kinds draws /kind. What is named and not declared is free-form, and dashed.
export function kinds(g: WireGraph | undefined): Pattern {
  const boxes = new Map<string, Box>(), arrows: Arrow[] = [], all = g?.nodes ?? [];
  const box = (kind: string) => {
    if (!boxes.has(kind)) boxes.set(kind, { key: kind, name: kind, kind: "", sign: "", outer: true, does: [] });
    return kind;
  };
  for (const n of all) if (!ofEdges(n.props)) {
    const says = [n.props.closed === true ? "closed" : "", n.props.leaf === true ? "leaf" : ""].filter(Boolean).join(", ");
    boxes.set(n.id, { key: n.id, name: n.id, kind: says, sign: "", outer: false, does: propsOf(n).map(declared) });
  }
  const edges = new Set(all.filter((n) => ofEdges(n.props)).map((n) => n.id));
  for (const n of all) {
    const p = n.props;
    if (!ofEdges(p)) {
      for (const inner of list(p, "inner") ?? []) if (!edges.has(inner)) arrows.push({ key: `${n.id} ▣ ${inner}`, name: "▣", from: n.id, to: box(inner), sign: "", outer: true });
      continue;
    }
    const many = typeof p.multiplicity === "string" && p.multiplicity !== "many" ? ` ${p.multiplicity}` : "", props = propsOf(n).map(declared);
    for (const from of list(p, "from") ?? [any]) for (const to of list(p, "to") ?? [any]) {
      arrows.push({ key: `${from} ${n.id} ${to}`, name: [n.id + many, ...props].join(", "), from: box(from), to: box(to), sign: "", outer: false });
    }
  }
  return { boxes: [...boxes.values()], arrows };
}

const effects = { allow: "+", deny: "−", ask: "~" } as const;

// policy draws which verbs come to which rule, and where it holds.
export function policy(rules: Policy["rules"]): Pattern {
  const boxes = new Map<string, Box>(), arrows: Arrow[] = [];
  const box = (key: string, name: string, kind: string) => {
    if (!boxes.has(key)) boxes.set(key, { key, name, kind, sign: "", outer: false, does: [] });
    return key;
  };
  for (const r of rules) {
    const at = `rule ${r.name}`;
    boxes.set(at, { key: at, name: r.name, kind: r.effect, sign: effects[r.effect as "allow"] ?? "", outer: r.default === true, does: [] });
    for (const v of r.verbs) arrows.push({ key: `${v} ${at}`, name: "", from: box(`verb ${v}`, v, "verb"), to: at, sign: "", outer: false });
    for (const p of r.paths ?? []) arrows.push({ key: `${at} path ${p}`, name: "", from: at, to: box(`path ${p}`, p, "path"), sign: "", outer: false });
    for (const k of r.kinds ?? []) arrows.push({ key: `${at} kind ${k}`, name: "", from: at, to: box(`kind ${k}`, k, "kind"), sign: "", outer: false });
  }
  return { boxes: [...boxes.values()], arrows };
}
