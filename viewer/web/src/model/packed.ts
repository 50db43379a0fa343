// The numbers of a container that a picture of it needs, side by side: where each
// element stands, its kind, and which two an edge joins. An element is at Item.at,
// an edge at Link.at; the store and the placer keep them so. Going through a
// hundred thousand objects instead costs ten times as much a frame.

export class Packed {
  nodes = 0;
  edges = 0;
  version = 0; // counts changes of what stands where
  cells = new Int32Array(16); // column and row, two an element; a column of -1 is no place yet
  kinds = new Uint16Array(8); // of elements, as places in names
  ends = new Int32Array(16); // the elements that an edge joins, two an edge
  readonly names: string[] = [];
  private readonly numbers = new Map<string, number>();

  node(kind: string): void {
    const n = this.nodes++;
    if (n === this.kinds.length) { this.kinds = longer(this.kinds, new Uint16Array(2 * n)); this.cells = longer(this.cells, new Int32Array(4 * n)); }
    this.cells[2 * n] = this.cells[2 * n + 1] = -1;
    this.kinds[n] = this.number(kind);
    this.version++;
  }

  edge(from: number, to: number): void {
    const n = this.edges++;
    if (2 * n === this.ends.length) this.ends = longer(this.ends, new Int32Array(4 * n));
    this.ends[2 * n] = from;
    this.ends[2 * n + 1] = to;
    this.version++;
  }

  place(n: number, col: number, row: number): void {
    this.cells[2 * n] = col;
    this.cells[2 * n + 1] = row;
    this.version++;
  }

  retype(n: number, kind: string): void { this.kinds[n] = this.number(kind); }

  // dropNode lets go of one without edges; the last takes its number, which the
  // edges of the last are told with end.
  dropNode(n: number): void {
    const last = --this.nodes;
    this.cells[2 * n] = this.cells[2 * last]!;
    this.cells[2 * n + 1] = this.cells[2 * last + 1]!;
    this.kinds[n] = this.kinds[last]!;
    this.version++;
  }

  end(edge: number, side: 0 | 1, n: number): void { this.ends[2 * edge + side] = n; }

  dropEdge(n: number): void {
    const last = --this.edges;
    this.ends[2 * n] = this.ends[2 * last]!;
    this.ends[2 * n + 1] = this.ends[2 * last + 1]!;
    this.version++;
  }

  // counts says how many elements there are of each kind that there is. O(elements).
  counts(): [string, number][] {
    const n = new Uint32Array(this.names.length);
    for (let i = 0; i < this.nodes; i++) n[this.kinds[i]!]!++;
    return this.names.flatMap((kind, k): [string, number][] => (n[k] ? [[kind, n[k]!]] : []));
  }

  private number(kind: string): number {
    let n = this.numbers.get(kind);
    if (n === undefined) { // those beyond the range share the last number, and its colour
      n = Math.min(this.names.length, 65535);
      this.names[n] = kind;
      this.numbers.set(kind, n);
    }
    return n;
  }
}

function longer<T extends Int32Array | Uint16Array>(was: T, now: T): T {
  now.set(was);
  return now;
}
