// Two attempts at one thing, path by path: what only one of them changed, what both
// made the same of, and where they differ.
import type { Change } from "../api/types.ts";

export type Sides = "left" | "right" | "same" | "differs";
export interface Pair { path: string; by: Sides; left: Change | undefined; right: Change | undefined; between: Change | undefined }

// paired takes what each made of their base, and what is different from the left to
// the right. A path of both that is not among the differences is the same in both.
export function paired(left: readonly Change[], right: readonly Change[], between: readonly Change[]): Pair[] {
  const a = new Map(left.map((c) => [c.path, c])), b = new Map(right.map((c) => [c.path, c])), d = new Map(between.map((c) => [c.path, c]));
  return [...new Set([...a.keys(), ...b.keys()])].sort().map((path) => {
    const l = a.get(path), r = b.get(path);
    return { path, left: l, right: r, between: d.get(path), by: l && r ? (d.has(path) ? "differs" : "same") : l ? "left" : "right" };
  });
}
