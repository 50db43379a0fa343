// What two sides made of one text, hunk by hunk: where only one of them changed
// something that is taken, where both did somebody chooses.
import { edits } from "./lines.ts";

// A region's texts are whole lines with their ends; joined they are the texts.
export interface Region {
  by: "" | "system" | "workspace" | "both" | "conflict"; // who changed it; both: to the same
  base: string[]; system: string[]; workspace: string[];
  line: number; // of base, from 1
}

export type Choice = { take: "system" | "workspace" | "base" } | { text: string };

const split = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

// stay says of each line of a which line of b it is, -1 for none.
function stay(a: string[], b: string[]): Int32Array {
  const out = new Int32Array(a.length).fill(-1);
  for (const l of edits(a, b)) if (l.sign === " ") out[l.a - 1] = l.b - 1;
  return out;
}

const same = (a: string[], b: string[]) => a.length === b.length && a.every((l, i) => l === b[i]);

// regions lists a text from its beginning to its end (Khanna, Kunal, Pierce: A
// Formal Investigation of Diff3, 2007).
export function regions(base: string, system: string, workspace: string): Region[] {
  const o = split(base), a = split(system), b = split(workspace), inA = stay(o, a), inB = stay(o, b), out: Region[] = [];
  let i = 0, j = 0, k = 0;
  const add = (ni: number, nj: number, nk: number, quiet: boolean) => {
    const r: Region = { by: "", base: o.slice(i, ni), system: a.slice(j, nj), workspace: b.slice(k, nk), line: i + 1 };
    if (!quiet) r.by = same(r.system, r.workspace) ? "both" : same(r.base, r.system) ? "workspace" : same(r.base, r.workspace) ? "system" : "conflict";
    out.push(r);
    i = ni; j = nj; k = nk;
  };
  while (i < o.length || j < a.length || k < b.length) {
    let n = 0;
    while (i + n < o.length && inA[i + n] === j + n && inB[i + n] === k + n) n++;
    if (n) { add(i + n, j + n, k + n, true); continue; }
    let to = i;
    while (to < o.length && !(inA[to]! >= j && inB[to]! >= k)) to++;
    if (to < o.length) add(to, inA[to]!, inB[to]!, false); else add(o.length, a.length, b.length, false);
  }
  return out;
}

// merged is the text that choices make, one for each region that is in conflict,
// in their order; undefined while one is missing.
export function merged(all: readonly Region[], choices: readonly (Choice | undefined)[]): string | undefined {
  let at = 0, out = "";
  for (const [k, r] of all.entries()) {
    if (r.by !== "conflict") { out += (r.by === "workspace" ? r.workspace : r.system).join(""); continue; }
    const c = choices[at++];
    if (!c) return undefined;
    out += "take" in c ? r[c.take].join("") : c.text;
    if ("text" in c && c.text && !c.text.endsWith("\n") && k < all.length - 1) out += "\n"; // the next line stays one of its own
  }
  return out;
}
