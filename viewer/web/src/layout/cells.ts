// Where elements stand: each container is a grid of cells of one size, so that
// what is opened, changed or added never moves what is beside it.
//
// A container without edges is filled row by row; one with edges is layered from
// left to right (Sugiyama: longest path, then barycentres). Later elements take
// the first free cell along square shells around the origin, which are the same
// however many follow; a cell that became free is taken again. Containers wider
// than a worker is worth asking for are layered in one (worker.ts).

const W = 65536;
export const cellOf = (col: number, row: number): number => row * W + col;
export const colOf = (cell: number): number => cell % W;
export const rowOf = (cell: number): number => Math.floor(cell / W);

// shell is the n-th cell along square shells: each shell adds a column downwards,
// then a row from the left.
export function shell(n: number): number {
  const s = Math.floor(Math.sqrt(n)), r = n - s * s;
  return r <= s ? cellOf(s, r) : cellOf(r - s - 1, s);
}

export function shellIndex(col: number, row: number): number {
  const s = Math.max(col, row);
  return col === s ? s * s + row : s * s + s + 1 + col;
}

// grid fills cells row by row, a little wider than high.
export function grid(n: number): Int32Array {
  const cols = Math.max(1, Math.ceil(Math.sqrt(n * 1.12))), out = new Int32Array(2 * n);
  for (let i = 0; i < n; i++) { out[2 * i] = i % cols; out[2 * i + 1] = Math.floor(i / cols); }
  return out;
}

// layered gives n nodes columns and rows; ties holds pairs, each from left to
// right. Nodes without edges come last, as a grid below. O(n + edges), but for
// sorting. Cycles are broken where a search meets them.
export function layered(n: number, ties: Int32Array): Int32Array {
  const out = new Int32Array(2 * n), next = lists(n, ties, 0), back = lists(n, ties, 1);
  const alone: number[] = [], order = postorder(n, next);
  const layer = new Int32Array(n).fill(0), rank = new Int32Array(n);
  order.forEach((v, i) => { rank[v] = i; });
  let most = 0;
  for (let k = order.length - 1; k >= 0; k--) {
    const v = order[k]!;
    if (!next[v]!.length && !back[v]!.length) { alone.push(v); continue; }
    for (const w of next[v]!) if (rank[w]! < k && layer[w]! <= layer[v]!) { layer[w] = layer[v]! + 1; most = Math.max(most, layer[w]!); }
  }
  alone.sort((a, b) => a - b);
  const layers: number[][] = Array.from({ length: most + 1 }, () => []);
  for (let v = 0; v < n; v++) if (next[v]!.length || back[v]!.length) layers[layer[v]!]!.push(v);
  const row = new Float64Array(n), mean = new Float64Array(n);
  layers.forEach((l) => l.forEach((v, i) => { row[v] = i; }));
  for (let sweep = 0; sweep < (n > 20000 ? 2 : 4); sweep++) {
    const side = sweep % 2 ? next : back, ls = sweep % 2 ? [...layers].reverse() : layers;
    for (const l of ls) {
      for (const v of l) {
        let sum = 0;
        for (const w of side[v]!) sum += row[w]!;
        mean[v] = side[v]!.length ? sum / side[v]!.length : row[v]!;
      }
      l.sort((a, b) => mean[a]! - mean[b]! || a - b);
      l.forEach((v, i) => { row[v] = i; });
    }
  }
  // A layer higher than the whole is wide is folded into several columns.
  const high = Math.max(6, Math.ceil(Math.sqrt(n * 1.3)));
  const tallest = Math.min(high, Math.max(1, ...layers.map((l) => l.length)));
  let col = 0, bottom = 0;
  const wide = Math.max(8, Math.ceil(n / tallest) * 3);
  let top = 0, right = 0;
  for (const l of layers) {
    const cols = Math.max(1, Math.ceil(l.length / tallest));
    if (col + cols > wide && col > 0) { top = bottom + 1; col = 0; } // a long chain goes on below
    const lead = l.length < tallest ? Math.floor((tallest - l.length) / 2) : 0;
    l.forEach((v, i) => {
      out[2 * v] = col + Math.floor(i / tallest);
      out[2 * v + 1] = top + lead + (i % tallest);
      bottom = Math.max(bottom, out[2 * v + 1]!);
    });
    col += cols;
    right = Math.max(right, col);
  }
  if (alone.length) {
    const from = most || layers[0]!.length ? bottom + 1 : 0, cols = Math.max(right, Math.ceil(Math.sqrt(alone.length * 1.12)));
    alone.forEach((v, i) => { out[2 * v] = i % cols; out[2 * v + 1] = from + Math.floor(i / cols); });
  }
  return out;
}

function lists(n: number, ties: Int32Array, side: 0 | 1): number[][] {
  const out: number[][] = Array.from({ length: n }, () => []);
  for (let i = 0; i < ties.length; i += 2) if (ties[i] !== ties[i + 1]) out[ties[i + side]!]!.push(ties[i + 1 - side]!);
  return out;
}

// postorder visits depth first, without recursion; an edge that leads to a node
// that is later in it closes a cycle.
function postorder(n: number, next: number[][]): number[] {
  const out: number[] = [], seen = new Uint8Array(n), at = new Int32Array(n);
  for (let root = 0; root < n; root++) {
    if (seen[root]) continue;
    const stack = [root];
    seen[root] = 1;
    while (stack.length) {
      const v = stack[stack.length - 1]!, w = next[v]![at[v]!++];
      if (w === undefined) { out.push(v); stack.pop(); } else if (!seen[w]) { seen[w] = 1; stack.push(w); }
    }
  }
  return out;
}
