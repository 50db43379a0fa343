// Reads containers as they are opened, and again when they have to be.
import { Problem, read } from "../api/client.ts";
import type { Change, GraphAnswer, Rec, WireEdge, WireGraph, WireNode } from "../api/types.ts";
import type { Container, Item, Store } from "../model/store.ts";
import { last, parentOf, plain } from "../model/paths.ts";

const page = 5000; // elements in one answer
const most = 100_000; // elements of one container that are read
const lanes = 4; // reads at once
const recent = 200_000; // ops of records that late reads are brought up to date with

export class Loader {
  version = "system";
  ghosts = new Map<string, Change[]>(); // by container: what the overlay shows and the version does not have
  onChange: () => void = () => {};
  onProblem: (e: unknown) => void = () => {};
  private readonly store: Store;
  private epoch = 0;
  private stop = new AbortController(); // of the reads of this epoch: nobody waits for the others
  private running = 0;
  private readonly queue: Container[] = [];
  private readonly queued = new Set<Container>();
  private records: Rec[] = [];
  private weight = 0; // of those, in ops
  private forgotten = 0; // seq of the last record that is not among them
  private items = new Set<string>();

  constructor(store: Store) { this.store = store; }

  // show turns to another version; what is open is read anew when it is seen.
  show(version: string, ghosts: Map<string, Change[]>): void {
    this.version = version;
    this.ghosts = ghosts;
    this.refresh();
  }

  // refresh has everything read again, after a gap in the stream.
  refresh(): void {
    this.epoch++;
    this.stop.abort();
    this.stop = new AbortController();
    this.records = [];
    this.weight = this.forgotten = 0;
    for (const c of this.store.all()) if (c.state === "ready") c.stale = true; else if (c.state === "loading" || c.state === "failed") c.state = "closed";
    this.queue.length = 0;
    this.queued.clear();
    this.store.dirty.clear();
    this.want(this.store.root);
  }

  // follow keeps a record for those that are being read: who asks later is
  // answered with a version that has it.
  follow(r: Rec): void {
    if (!this.running && !this.queue.length) return;
    this.records.push(r);
    this.weight += r.ops.length + 1;
    if (this.weight <= recent) return;
    const gone = this.records.splice(0, Math.ceil(this.records.length / 2));
    this.forgotten = gone[gone.length - 1]!.seq;
    for (const g of gone) this.weight -= g.ops.length + 1;
  }

  want(c: Container): void {
    if (this.queued.has(c) || (c.state !== "closed" && !c.stale)) return;
    if (c.state === "closed") c.state = "loading";
    this.enqueue(c);
  }

  open(i: Item): Container {
    const c = this.store.open(i);
    if (c.state === "failed") c.state = "closed"; // somebody asks again
    this.want(c);
    return c;
  }

  private enqueue(c: Container): void {
    this.queued.add(c);
    this.queue.push(c);
    this.pump();
  }

  // again reads what records left open.
  again(): void {
    for (const c of this.store.dirty) if (!this.queued.has(c) && c.state === "ready") this.enqueue(c);
    this.store.dirty.clear();
    const items = [...this.items];
    this.items.clear();
    if (items.length > 20) for (const p of new Set(items.map(parentOf))) { const c = this.store.get(p); if (c?.state === "ready" && !this.queued.has(c)) this.enqueue(c); }
    else for (const p of items) void this.one(p);
  }

  // touch has one element read again, soon.
  touch(path: string): void { if (this.store.item(path)) this.items.add(path); }

  private async one(path: string): Promise<void> {
    const epoch = this.epoch;
    try {
      const a = await read<GraphAnswer>("/rmg", { view: this.version, path, depth: 0 });
      const i = this.store.item(path);
      if (epoch !== this.epoch || !i) return;
      i.props = a.element.props;
      this.store.retype(i, a.element.kind);
      this.store.version++;
      this.onChange();
    } catch (e) { this.onProblem(e); }
  }

  private pump(): void {
    while (this.running < lanes && this.queue.length) {
      const c = this.queue.shift()!;
      this.running++;
      void this.load(c, this.epoch).finally(() => { this.running--; this.pump(); this.rest(); });
    }
  }

  // rest lets go of the records that nobody is read for any more.
  private rest(): void {
    if (this.running || this.queue.length) return;
    this.records = [];
    this.weight = this.forgotten = 0;
  }

  private async load(c: Container, epoch: number): Promise<void> {
    const nodes: WireNode[] = [], edges: WireEdge[] = [];
    let cursor: string | undefined, seq = 0;
    try {
      do {
        const a = await read<GraphAnswer>("/rmg", { view: this.version, path: c.path, depth: 1, limit: page, cursor }, this.stop.signal);
        if (epoch !== this.epoch) return;
        if (!seq) seq = a.seq;
        if (a.graph) plain(a.graph);
        nodes.push(...a.graph?.nodes ?? []);
        edges.push(...a.graph?.edges ?? []);
        cursor = a.next;
      } while (cursor && nodes.length + edges.length < most);
    } catch (e) {
      if (epoch !== this.epoch) return;
      this.queued.delete(c);
      c.stale = false;
      const absent = e instanceof Problem && e.status === 404;
      if (c.state === "loading") c.state = "failed";
      else if (absent) this.store.fill(c, { nodes: [], edges: [] }, 0, true); // it is not there in this version
      if (!absent) this.onProblem(e);
      this.onChange();
      return;
    }
    this.queued.delete(c);
    const inner = c.owner?.inner;
    c.more = cursor ? Math.max(1, (inner ? inner.nodes + inner.edges : 0) - nodes.length - edges.length) : 0;
    this.store.fill(c, this.haunted(c, { nodes, edges }), seq, c.stale);
    for (const r of this.records) if (r.seq > seq) this.store.apply(r, c);
    if (this.forgotten > seq) this.store.dirty.add(c); // too much happened meanwhile: once more
    this.onChange();
  }

  // haunted adds what the overlay shows and the version does not have.
  private haunted(c: Container, g: WireGraph): WireGraph {
    const have = new Set(g.nodes.map((n) => n.id)), tied = new Set(g.edges.map((e) => e.id));
    for (const ch of this.ghosts.get(c.path) ?? []) {
      const { id, edge } = last(ch.path), props = Object.fromEntries(Object.entries(ch.props).map(([n, p]) => [n, p.old ?? p.new ?? null]));
      if ((edge ? tied : have).has(id)) continue;
      (edge ? tied : have).add(id);
      const e = { id, kind: ch.kind?.old || ch.kind?.new || "", props };
      if (!edge) g.nodes.push(e); else if (ch.ends) g.edges.push({ ...e, ...ch.ends });
    }
    return g;
  }
}
