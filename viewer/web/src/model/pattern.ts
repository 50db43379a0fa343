// A side or a condition of a rule, as it stands under /rule (rewrite/rule/graph.go),
// made flat to be drawn: what stands inside a variable is beside it, and says so.
import type { Props, WireGraph } from "../api/types.ts";

export type Sign = "" | "+" | "−" | "~";
export interface Box { key: string; name: string; kind: string; sign: Sign; outer: boolean; does: string[] }
export interface Arrow { key: string; name: string; from: string; to: string; sign: Sign; outer: boolean }
export interface Pattern { boxes: Box[]; arrows: Arrow[] }

// flat draws a pattern. other is the right side if g is the left: what is not
// there any more has the sign of what is removed.
export function flat(g: WireGraph | undefined, other?: WireGraph): Pattern {
  const out: Pattern = { boxes: [], arrows: [] }, there = other && new Set(keys(other, ""));
  const sign = (key: string, p: Props): Sign => (p.created ? "+" : there && !there.has(key) ? "−" : p.does || p.retype ? "~" : "");
  const walk = (level: WireGraph, at: string) => {
    for (const n of level.nodes) {
      const key = `${at}${n.id}`, p = n.props;
      out.boxes.push({ key, name: named(key), kind: String(p.kind ?? "*"), sign: sign(key, p), outer: p.outer === true, does: doing(p) });
      if (n.graph) walk(n.graph, `${key}/`);
    }
    for (const e of level.edges) {
      const p = e.props, key = `${at}~${e.id}`, way = e.kind === "Way" ? ` ${p.least}..${p.most}` : "", does = doing(p);
      out.arrows.push({ key, name: [named(e.id), `${p.kind ?? "*"}${way}`, ...does].filter(Boolean).join(" "), from: `${at}${e.from}`, to: `${at}${e.to}`, sign: sign(key, p), outer: p.outer === true });
    }
  };
  if (g) walk(g, "");
  return out;
}

// A variable that has no name in the rule has one that begins with a dash.
const named = (key: string) => key.split("/").map((id) => (/^(-|way-)\d+$/.test(id) ? "" : id)).filter(Boolean).join(" / ");

const doing = (p: Props): string[] => [...(p.retype ? [`becomes ${String(p.retype)}`] : []), ...(p.id ? [`id ${String(p.id)}`] : []), ...(Array.isArray(p.does) ? p.does.map(String) : [])];

function keys(g: WireGraph, at: string): string[] {
  return [...g.nodes.flatMap((n) => [`${at}${n.id}`, ...(n.graph ? keys(n.graph, `${at}${n.id}/`) : [])]), ...g.edges.map((e) => `${at}~${e.id}`)];
}

// spoken says a pattern for who does not see it.
export const spoken = (p: Pattern): string => [...p.boxes.map((b) => `${b.sign}${b.name || "any"}: ${[b.kind, ...b.does].filter(Boolean).join(", ")}`), ...p.arrows.map((a) => `${a.sign}${p.boxes.find((b) => b.key === a.from)?.name || "any"} ${a.name || "→"} ${p.boxes.find((b) => b.key === a.to)?.name || "any"}`)].join("; ");

// indented sets a JSON text into lines, and leaves what it says as it is: numbers
// keep the form that they were written in.
export function indented(json: string): string {
  let out = "", depth = 0, text = false;
  const line = () => `\n${"  ".repeat(depth)}`;
  for (let k = 0; k < json.length; k++) {
    const c = json[k]!;
    if (text) { out += c; if (c === "\\") out += json[++k] ?? ""; else if (c === '"') text = false; continue; }
    if (c === '"') { text = true; out += c; } else if ((c === "{" || c === "[") && "}]".includes(json[k + 1] ?? "x")) out += c + json[++k];
    else if (c === "{" || c === "[") { depth++; out += c + line(); } else if (c === "}" || c === "]") { depth--; out += line() + c; } else if (c === ",") out += c + line();
    else if (c === ":") out += ": ";
    else out += c;
  }
  return out;
}
