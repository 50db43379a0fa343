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
  const order = postorder(n, next), layer = new Int32Array(n), rank = new Int32Array(n);
  const tied = (v: number) => next.from[v] !== next.from[v + 1] || back.from[v] !== back.from[v + 1];
  for (let k = 0; k < n; k++) rank[order[k]!] = k;
  let most = 0;
  for (let k = n - 1; k >= 0; k--) {
    const v = order[k]!, deeper = layer[v]! + 1;
    for (let e = next.from[v]!; e < next.from[v + 1]!; e++) {
      const w = next.to[e]!;
      if (rank[w]! < k && layer[w]! < deeper) { layer[w] = deeper; most = Math.max(most, deeper); }
    }
  }
  const alone: number[] = [], high0 = new Int32Array(most + 1);
  for (let v = 0; v < n; v++) if (tied(v)) high0[layer[v]!]!++; else alone.push(v);
  const layers = [...high0].map((size) => new Int32Array(size));
  high0.fill(0);
  for (let v = 0; v < n; v++) if (tied(v)) { const l = layer[v]!; layers[l]![high0[l]!++] = v; }
  const row = new Float64Array(n);
  for (const l of layers) l.forEach((v, i) => { row[v] = i; });
  for (let sweep = 0; sweep < (n > 20000 ? 2 : 4); sweep++) {
    const side = sweep % 2 ? next : back;
    for (let k = 0; k <= most; k++) barycentres(layers[sweep % 2 ? most - k : k]!, side, row);
  }
  // A layer higher than the whole is wide is folded into several columns.
  const high = Math.max(6, Math.ceil(Math.sqrt(n * 1.3)));
  const tallest = Math.min(high, layers.reduce((m, l) => Math.max(m, l.length), 1));
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

// Ties are those of each node, one after the other: of v from[v] up to from[v + 1].
interface Ties { from: Int32Array; to: Int32Array }

function lists(n: number, ties: Int32Array, side: 0 | 1): Ties {
  const from = new Int32Array(n + 1), other = 1 - side;
  for (let i = 0; i < ties.length; i += 2) if (ties[i] !== ties[i + 1]) from[ties[i + side]! + 1]!++;
  for (let v = 0; v < n; v++) from[v + 1]! += from[v]!;
  const to = new Int32Array(from[n]!), at = from.slice(0, n);
  for (let i = 0; i < ties.length; i += 2) if (ties[i] !== ties[i + 1]) to[at[ties[i + side]!]!++] = ties[i + other]!;
  return { from, to };
}

// barycentres sorts a layer by the mean row of what each is tied to. Sorting
// numbers that say both, the mean and then who, is several times quicker than
// comparing.
function barycentres(l: Int32Array, side: Ties, row: Float64Array): void {
  if (l.length < 2) return; // it is in its row
  const n = row.length, fine = 2 ** Math.floor(Math.log2(2 ** 52 / (n * n + 1))), keys = new Float64Array(l.length);
  for (let i = 0; i < l.length; i++) {
    const v = l[i]!, a = side.from[v]!, b = side.from[v + 1]!;
    let sum = 0;
    for (let e = a; e < b; e++) sum += row[side.to[e]!]!;
    keys[i] = Math.floor((a === b ? row[v]! : sum / (b - a)) * fine) * n + v;
  }
  keys.sort();
  for (let i = 0; i < l.length; i++) { l[i] = keys[i]! % n; row[l[i]!] = i; }
}

// postorder visits depth first, without recursion; an edge that leads to a node
// that is later in it closes a cycle.
function postorder(n: number, next: Ties): Int32Array {
  const out = new Int32Array(n), seen = new Uint8Array(n), at = next.from.slice(0, n), stack = new Int32Array(n);
  let done = 0;
  for (let root = 0; root < n; root++) {
    if (seen[root]) continue;
    let high = 0;
    stack[high++] = root;
    seen[root] = 1;
    while (high) {
      const v = stack[high - 1]!, e = at[v]!++;
      if (e >= next.from[v + 1]!) { out[done++] = v; high--; continue; }
      const w = next.to[e]!;
      if (!seen[w]) { seen[w] = 1; stack[high++] = w; }
    }
  }
  return out;
}
