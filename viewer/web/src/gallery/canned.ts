// Graphs that are always the same, for looking at the renderer and measuring it
// without a daemon.
import type { Props, WireEdge, WireGraph, WireNode } from "../api/types.ts";
import { Cells, noMemory } from "../layout/placer.ts";
import { Store } from "../model/store.ts";

// chance is a generator that always gives the same numbers (Lehmer's, mod 2^31-1).
export function chance(seed: number): (n: number) => number {
  let s = seed;
  return (n) => { s = (s * 48271) % 2147483647; return s % n; };
}

const node = (id: string, kind: string, props: Props = {}, graph?: WireGraph): WireNode => ({
  id, kind, props, ...(graph ? { graph, inner: { nodes: graph.nodes.length, edges: graph.edges.length } } : {}),
});
const edge = (from: string, to: string, kind = "needs"): WireEdge => ({ id: `${from} ${kind} ${to}`, kind, from, to, props: {} });
const files = (names: string[]): WireGraph => ({ nodes: names.map((n) => node(n, n.includes(".") ? "File" : "Dir", { mode: "0644" })), edges: [] });

// system is a small system, everything opened.
export function system(): WireGraph {
  const tasks = ["reproduce", "localise", "implement", "verify"];
  const plan: WireGraph = {
    nodes: [...tasks.map((id, i) => node(id, "Task", { worker: "repair" }, { nodes: [node("1", "Attempt", i < 3 ? { result: "ok" } : {})], edges: [] })), node("gate-01", "Evidence", { evidence: '{"green":true}' }), node("gate-02", "Evidence", { evidence: '{"green":false}' })],
    edges: tasks.slice(1).map((id, i) => edge(id, tasks[i]!)),
  };
  const services: WireGraph = {
    nodes: ["web", "auth", "orders", "db", "cache", "mail"].map((id) => node(id, "Service", { lang: "go" })),
    edges: [edge("web", "auth", "depends_on"), edge("web", "orders", "depends_on"), edge("auth", "db", "depends_on"), edge("orders", "db", "depends_on"), edge("orders", "cache", "depends_on"), edge("orders", "mail", "depends_on"), edge("auth", "cache", "depends_on")],
  };
  return {
    nodes: [
      node("proc", "Dir", {}, { nodes: [node("p4", "Process", { text: "Fix the auth bug" }, plan), node("p31", "Process", { landed: true })], edges: [] }),
      node("repo", "Dir", {}, { nodes: [node("AuthService", "Dir", {}, { nodes: [node("main", "Dir", {}, files(["README.md", "go.mod", "handler", "session", "token"]))], edges: [] })], edges: [] }),
      node("svc", "Dir", {}, services),
      node("sws", "Dir", {}, { nodes: Array.from({ length: 9 }, (_, i) => node(`w${i + 4}`, "Workspace", i % 3 ? { discarded: true } : i ? { collapsed: 9 } : {})), edges: [] }),
    ],
    edges: [],
  };
}

// web is one level of n elements, three nodes for two edges; the edges lead from
// each node to some of those shortly before it.
export function web(n: number): WireGraph {
  const nodes = Math.ceil(n * 0.6), pick = chance(7), kinds = ["Service", "File", "Task", "Dir", "Worker"];
  const out: WireGraph = { nodes: [], edges: [] };
  for (let i = 0; i < nodes; i++) out.nodes.push(node(`n${i}`, kinds[pick(5)]!, { weight: pick(100) }));
  for (let i = 0; i < n - nodes; i++) {
    const to = 1 + pick(nodes - 1), from = Math.max(0, to - 1 - pick(30));
    out.edges.push({ id: `e${i}`, kind: "uses", from: `n${from}`, to: `n${to}`, props: {} });
  }
  return out;
}

export const flat = (n: number): WireGraph => ({ nodes: Array.from({ length: n }, (_, i) => node(`item ${String(i).padStart(5, "0")}`, ["File", "Dir", "Service"][i % 3]!)), edges: [] });

export const hostile = (): WireGraph => ({
  nodes: ["<img src=x onerror=alert(1)>", "javascript:alert(1)", "\u202egnp.exe", "a/b%2F~", "x".repeat(300), "🧪 emoji", "line\nbreak", "</script><script>alert(1)</script>"].map((id) => node(id, "<b>Kind</b>", { "<i>": "</dd><script>alert(1)</script>" })),
  edges: [],
});

// opened is a store that holds a graph with all that is inside it.
export function opened(g: WireGraph): Store {
  const s = new Store(new Cells(noMemory), () => 0);
  const fill = (path: string, graph: WireGraph) => {
    const c = s.get(path)!;
    s.fill(c, { nodes: graph.nodes.map(({ graph: _, ...n }) => n), edges: graph.edges }, 1);
    for (const n of graph.nodes) if (n.graph) fill(s.open(c.byId.get(n.id)!).path, n.graph);
  };
  fill("/", g);
  return s;
}
