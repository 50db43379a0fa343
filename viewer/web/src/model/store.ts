// The graph as far as it was opened: containers, each one level. A container is
// read when somebody opens it, and followed by the event stream from then on.
import type { Counts, Op, Props, Rec, Value, WireGraph } from "../api/types.ts";
import { Packed } from "./packed.ts";
import { join, last, parentOf, plainID } from "./paths.ts";

// Mark says how an element differs from what a workspace was forked from, or
// between two moments.
export type Mark = "" | "added" | "changed" | "removed" | "conflict" | "both";

export interface Item {
  id: string; kind: string; props: Props; inner: Counts | undefined;
  home: Container; box: Container | undefined; // where it stands; its inner graph, once opened
  col: number; row: number; // its place, in cells; -1 before it has one
  at: number; // its place in home.items
  first: Link | undefined; // of those that begin or end here: linksOf
  flash: number; gone: number; // when it changed, when it went: ms of the page's clock, 0 for never
}

export interface Link {
  id: string; kind: string; props: Props; inner: Counts | undefined; home: Container; from: Item; to: Item;
  at: number; // its place in home.links
  afterFrom: Link | undefined; afterTo: Link | undefined; // the next of those that from and to have
  flash: number;
}

export interface Container {
  path: string; parent: Container | undefined; owner: Item | undefined;
  state: "closed" | "loading" | "ready" | "failed";
  stale: boolean; // it is of another version than the one that is shown
  seq: number; // of the version it was read at; later records are applied to it
  byId: Map<string, Item>;
  readonly linkById: Map<string, Link>; // made when it is first asked for
  index: Map<string, Link> | undefined; // that, once it is made
  items: Item[]; links: Link[]; // in no order that means anything
  packed: Packed; // the numbers of items and links
  recent: Set<Item | Link>; // that changed of late, the newest last
  leaving: Item[]; // removed, fading
  more: number; // elements that were not read
  placed: boolean;
  cols: number; rows: number; // extent in cells
  taken: Map<number, Item>; // by cell, as row * 65536 + col
  past: Map<string, number>; // cells of those that went: they come back to them
  next: number; // where the search for a free cell goes on
}

export function container(path: string, owner?: Item): Container {
  return {
    path, owner, parent: owner?.home, state: "closed", stale: false, seq: 0, byId: new Map(), items: [], links: [], index: undefined,
    get linkById() { return this.index ??= new Map(this.links.map((l) => [l.id, l])); },
    packed: new Packed(), recent: new Set(), leaving: [], more: 0, placed: false, cols: 1, rows: 1, taken: new Map(), past: new Map(), next: 0,
  };
}

export const pathOf = (i: Item): string => join(i.home.path, i.id);
// linksOf lists the edges that begin or end at an element, the newest first.
export function linksOf(i: Item): Link[] {
  const out: Link[] = [];
  for (let l = i.first; l; l = l.from === i ? l.afterFrom : l.afterTo) out.push(l);
  return out;
}

export const linkPath = (l: Link): string => join(l.home.path, l.id, true);

export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function sameProps(a: Props, b: Props): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((n) => n in b && sameValue(a[n], b[n]));
}

// Placer gives new elements their cells; it may do so later.
export interface Placer { place(c: Container, fresh: Item[]): void; free(c: Container, i: Item): void }

export class Store {
  root = container("/");
  version = 0; // counts what may change the picture
  live = 0; // changes that arrived by records
  readonly dirty = new Set<Container>(); // what the records alone do not tell
  private readonly placer: Placer;
  private readonly clock: () => number;
  private readonly boxes = new Map<string, Container>([["/", this.root]]);

  constructor(placer: Placer, clock: () => number = () => performance.now()) {
    this.placer = placer;
    this.clock = clock;
  }

  get(path: string): Container | undefined { return this.boxes.get(path); }
  all(): Iterable<Container> { return this.boxes.values(); }

  item(path: string): Item | undefined {
    const { id, edge } = last(path);
    return edge ? undefined : this.boxes.get(parentOf(path))?.byId.get(id);
  }

  link(path: string): Link | undefined {
    const { id, edge } = last(path);
    return edge ? this.boxes.get(parentOf(path))?.linkById.get(id) : undefined;
  }

  // open makes the container of an item, closed until it is filled.
  open(i: Item): Container {
    if (!i.box) {
      i.box = container(pathOf(i), i);
      this.boxes.set(i.box.path, i.box);
    }
    return i.box;
  }

  // forget empties everything, for a view of something else altogether.
  forget(): void {
    this.boxes.clear();
    this.dirty.clear();
    this.root = container("/");
    this.boxes.set("/", this.root);
    this.version++;
  }

  // fill makes a container be what was read; what stays keeps its place.
  fill(c: Container, g: WireGraph, seq: number, quiet = false): void {
    const first = c.state !== "ready", now = first || quiet ? 0 : this.clock();
    // What is read into nothing has nothing to be compared with.
    const seen = c.items.length ? new Set<string>() : undefined, fresh: Item[] = [];
    for (const n of g.nodes) {
      seen?.add(n.id);
      const i = c.byId.get(n.id);
      if (!i) fresh.push(this.add(c, n.id, n.kind, n.props, n.inner, now));
      else if (i.kind !== n.kind || !sameProps(i.props, n.props) || !sameValue(i.inner as never, n.inner as never)) {
        this.retype(i, n.kind); i.props = n.props; i.inner = n.inner;
        this.flash(i, now);
      }
    }
    if (seen) for (const i of [...c.items]) if (!seen.has(i.id)) this.drop(i, now);
    seen?.clear();
    for (const e of g.edges) {
      seen?.add(e.id);
      const l = seen && c.linkById.get(e.id);
      if (l && l.from.id === e.from && l.to.id === e.to) {
        if (l.kind !== e.kind || !sameProps(l.props, e.props)) { l.kind = e.kind; l.props = e.props; this.flash(l, now); }
        continue;
      }
      if (l) this.cut(l);
      this.tie(c, e.id, e.kind, e.from, e.to, e.props, e.inner, now);
    }
    if (seen) for (const l of [...c.links]) if (!seen.has(l.id)) this.cut(l);
    c.state = "ready";
    c.stale = false;
    c.seq = seq;
    if (c.owner && !c.more) c.owner.inner = c.items.length ? { nodes: c.items.length, edges: c.links.length } : undefined;
    if (fresh.length || !c.placed) this.placer.place(c, fresh);
    this.version++;
  }

  add(c: Container, id: string, kind: string, props: Props, inner: Counts | undefined, flash: number): Item {
    const i: Item = { id, kind, props, inner, home: c, box: undefined, col: -1, row: -1, at: c.items.length, first: undefined, flash, gone: 0 };
    c.byId.set(id, i);
    c.items.push(i);
    c.packed.node(kind);
    if (flash) c.recent.add(i);
    return i;
  }

  retype(i: Item, kind: string): void {
    if (i.kind === kind) return;
    i.kind = kind;
    i.home.packed.retype(i.at, kind);
  }

  private flash(x: Item | Link, now: number): void {
    x.flash = now;
    if (!now) return;
    x.home.recent.delete(x);
    x.home.recent.add(x);
  }

  private drop(i: Item, now: number): void {
    const c = i.home;
    while (i.first) this.cut(i.first);
    c.byId.delete(i.id);
    c.recent.delete(i);
    c.packed.dropNode(i.at);
    const end = c.items.pop()!;
    if (end !== i) {
      c.items[i.at] = end;
      end.at = i.at;
      for (const l of linksOf(end)) { if (l.from === end) c.packed.end(l.at, 0, end.at); if (l.to === end) c.packed.end(l.at, 1, end.at); }
    }
    this.placer.free(c, i);
    if (now && i.col >= 0) { i.gone = now; c.leaving.push(i); }
    if (i.box) this.close(i.box);
  }

  private close(c: Container): void {
    this.boxes.delete(c.path);
    this.dirty.delete(c);
    for (const i of c.items) if (i.box) this.close(i.box);
  }

  private tie(c: Container, id: string, kind: string, from: string, to: string, props: Props, inner: Counts | undefined, flash: number): Link | undefined {
    const a = c.byId.get(from), b = c.byId.get(to);
    if (!a || !b) return undefined;
    const l: Link = { id, kind, props, inner, home: c, from: a, to: b, at: c.links.length, afterFrom: a.first, afterTo: a === b ? undefined : b.first, flash };
    c.index?.set(id, l);
    c.links.push(l);
    c.packed.edge(a.at, b.at);
    a.first = b.first = l;
    if (flash) c.recent.add(l);
    return l;
  }

  private cut(l: Link): void {
    const c = l.home;
    c.index?.delete(l.id);
    c.recent.delete(l);
    c.packed.dropEdge(l.at);
    const end = c.links.pop()!;
    if (end !== l) { c.links[l.at] = end; end.at = l.at; }
    untie(l.from, l);
    if (l.to !== l.from) untie(l.to, l);
  }

  // apply follows one record of the view that is shown. What a record does not
  // tell by itself makes its container dirty, to be read again. Records come in
  // order, each once; with only, the others have followed it already.
  apply(r: Rec, only?: Container): void {
    const touched = new Map<Container, Item[]>();
    for (const op of r.ops) this.op(op, r.seq, touched, only);
    for (const [c, fresh] of touched) this.placer.place(c, fresh);
    if (r.ops_omitted) for (const c of this.boxes.values()) if (c.state === "ready" && (!only || c === only)) this.dirty.add(c);
    this.version++;
  }

  private op(op: Op, seq: number, touched: Map<Container, Item[]>, only: Container | undefined): void {
    const c = this.boxes.get(parentOf(op.path));
    if (!c || c.state !== "ready") {
      this.outside(op, seq, only);
      return;
    }
    if (seq <= c.seq || (only && c !== only)) return;
    const now = this.clock(), { id, edge } = last(op.path);
    if (!only) this.live++; // what is applied anew to what was read anew was counted
    const it: Item | Link | undefined = edge ? c.linkById.get(id) : c.byId.get(id);
    switch (op.op) {
      case "add_node": case "write":
        if (op.op === "write" && (op.text !== undefined || op.base64 !== undefined)) { this.dirty.add(c); return; }
        if (!it) {
          const i = this.add(c, id, op.kind ?? "File", op.op === "write" ? written({}, op) : op.props ?? {}, undefined, now);
          touched.set(c, [...(touched.get(c) ?? []), i]);
          this.grow(c, 1, 0);
        } else if (op.op === "write") { it.props = written(it.props, op); this.flash(it, now); }
        return;
      case "add_edge":
        if (!it && this.tie(c, id, op.kind ?? "", plainID(op.from ?? ""), plainID(op.to ?? ""), op.props ?? {}, undefined, now)) this.grow(c, 0, 1);
        return;
      case "remove":
        if (!it) return;
        if (edge) { this.cut(it as Link); this.grow(c, 0, -1); } else {
          const ties = linksOf(it as Item).length;
          this.drop(it as Item, now);
          this.grow(c, -1, -ties);
        }
        return;
      case "move": {
        this.dirty.add(c);
        const to = this.boxes.get(parentOf(op.to ?? "/"));
        if (to) this.dirty.add(to);
        return;
      }
    }
    if (!it) { this.dirty.add(c); return; }
    this.flash(it, now);
    if (op.op === "set") it.props = merged(it.props, op.props ?? {});
    else if (op.op === "retype") { if ("col" in it) this.retype(it, op.kind ?? it.kind); else it.kind = op.kind ?? it.kind; }
    else if (op.op === "inc" && op.prop && typeof (it.props[op.prop] ?? 0) === "number") {
      it.props = { ...it.props, [op.prop]: (it.props[op.prop] as number ?? 0) + (op.by ?? 0) };
    } else this.dirty.add(c);
  }

  // outside keeps the counts on a closed box right, and lets it flash.
  private outside(op: Op, seq: number, only: Container | undefined): void {
    let path = parentOf(op.path), i: Item | undefined;
    const direct = this.item(path);
    while (path !== "/" && !(i = this.item(path))) path = parentOf(path);
    if (!i || i.home.state !== "ready" || seq <= i.home.seq || (only && i.home !== only)) return;
    this.flash(i, this.clock());
    if (!only) this.live++;
    if (!direct) return;
    if (op.op === "write") this.dirty.add(i.home); // it may have made a file
    const edge = last(op.path).edge, by = op.op === "remove" ? -1 : op.op === "add_node" || op.op === "add_edge" ? 1 : 0;
    if (op.op === "move" || (op.op === "remove" && !edge)) this.dirty.add(i.home);
    else if (by) this.count(i, edge ? 0 : by, edge ? by : 0);
  }

  private grow(c: Container, nodes: number, edges: number): void {
    if (c.owner) this.count(c.owner, nodes, edges);
  }

  private count(i: Item, nodes: number, edges: number): void {
    const was = i.inner ?? { nodes: 0, edges: 0 }, now = { nodes: was.nodes + nodes, edges: was.edges + edges };
    i.inner = now.nodes > 0 ? now : undefined;
  }

  // settle lets go of what has faded.
  settle(before: number): void {
    for (const c of this.boxes.values()) {
      if (c.leaving.length) c.leaving = c.leaving.filter((i) => i.gone > before);
      for (const x of c.recent) { if (x.flash > before) break; c.recent.delete(x); }
    }
  }
}

// untie takes an edge out of the list of one of its ends.
function untie(i: Item, l: Link): void {
  const next = l.from === i ? l.afterFrom : l.afterTo;
  if (i.first === l) { i.first = next; return; }
  let p = i.first;
  for (let n = p; n && n !== l; n = n.from === i ? n.afterFrom : n.afterTo) p = n;
  if (!p) return;
  if (p.from === i) p.afterFrom = next; else p.afterTo = next;
}

function merged(props: Props, set: Props): Props {
  const out = { ...props };
  for (const [name, v] of Object.entries(set)) if (v === null) delete out[name]; else out[name] = v;
  return out;
}

function written(props: Props, op: Op): Props {
  const out: Props = { ...props, blob: { $blob: op.blob ?? "", size: op.size ?? 0 } };
  if (op.mode) out.mode = op.mode; else out.mode ??= "0644";
  return out;
}
