// The difference of two texts by lines: Myers' greedy algorithm (An O(ND)
// Difference Algorithm, 1986), given up where the texts share too little.

export interface Line { sign: " " | "+" | "-"; text: string; a: number; b: number } // a, b: line numbers from 1, 0 for none
export interface Hunk { head: string; lines: Line[] }

const maxEdits = 2000; // beyond it all of the middle counts as replaced
const around = 3; // lines of context

// edits lists all lines of both texts, in the order in which one becomes the other.
export function edits(a: string[], b: string[]): Line[] {
  let top = 0;
  while (top < a.length && top < b.length && a[top] === b[top]) top++;
  let end = 0;
  while (end < a.length - top && end < b.length - top && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const x = a.slice(top, a.length - end), y = b.slice(top, b.length - end);
  const out: Line[] = [];
  for (let i = 0; i < top; i++) out.push({ sign: " ", text: a[i]!, a: i + 1, b: i + 1 });
  for (const l of middle(x, y)) out.push({ ...l, a: l.a && l.a + top, b: l.b && l.b + top });
  for (let i = end; i > 0; i--) out.push({ sign: " ", text: a[a.length - i]!, a: a.length - i + 1, b: b.length - i + 1 });
  return out;
}

function middle(a: string[], b: string[]): Line[] {
  const n = a.length, m = b.length, most = Math.min(n + m, maxEdits), off = most + 1;
  const v = new Int32Array(2 * most + 3), trail: Int32Array[] = [];
  let found = -1;
  for (let d = 0; d <= most && found < 0; d++) {
    trail.push(v.slice());
    for (let k = -d; k <= d; k += 2) {
      let x = k === -d || (k !== d && v[off + k - 1]! < v[off + k + 1]!) ? v[off + k + 1]! : v[off + k - 1]! + 1;
      while (x < n && x - k < m && a[x] === b[x - k]) x++;
      v[off + k] = x;
      if (x >= n && x - k >= m) { found = d; break; }
    }
  }
  if (found < 0) {
    return [...a.map((text, i): Line => ({ sign: "-", text, a: i + 1, b: 0 })), ...b.map((text, i): Line => ({ sign: "+", text, a: 0, b: i + 1 }))];
  }
  const back: Line[] = [];
  let x = n, y = m;
  for (let d = found; d >= 0; d--) {
    const w = trail[d]!, k = x - y;
    const down = k === -d || (k !== d && w[off + k - 1]! < w[off + k + 1]!);
    const px = d === 0 ? 0 : down ? w[off + k + 1]! : w[off + k - 1]!, py = d === 0 ? 0 : px - (down ? k + 1 : k - 1);
    while (x > px + (d && !down ? 1 : 0) && y > py + (d && down ? 1 : 0)) { x--; y--; back.push({ sign: " ", text: a[x]!, a: x + 1, b: y + 1 }); }
    if (d === 0) break;
    if (down) { y--; back.push({ sign: "+", text: b[y]!, a: 0, b: y + 1 }); } else { x--; back.push({ sign: "-", text: a[x]!, a: x + 1, b: 0 }); }
  }
  return back.reverse();
}

const split = (text: string): string[] => { const l = text.split("\n"); if (l[l.length - 1] === "") l.pop(); return l; };

// hunks lists what differs, with some lines around it.
export function hunks(a: string, b: string): Hunk[] {
  const all = edits(split(a), split(b)), out: Hunk[] = [];
  let i = 0;
  while (i < all.length) {
    while (i < all.length && all[i]!.sign === " ") i++;
    if (i >= all.length) break;
    let from = Math.max(0, i - around), to = i, quiet = 0;
    for (; to < all.length && quiet <= 2 * around; to++) quiet = all[to]!.sign === " " ? quiet + 1 : 0;
    to = Math.min(all.length, to - Math.max(0, quiet - around));
    const lines = all.slice(from, to), f = (side: "a" | "b") => lines.find((l) => l[side])?.[side] ?? 0;
    out.push({ head: `@@ -${f("a")},${lines.filter((l) => l.sign !== "+").length} +${f("b")},${lines.filter((l) => l.sign !== "-").length} @@`, lines });
    i = to;
  }
  return out;
}
