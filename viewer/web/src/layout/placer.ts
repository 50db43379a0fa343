// Gives the elements of containers their cells, and remembers them, so that they
// stand in the same place after the page was loaded again.
import { type Container, type Item, linksOf, type Placer } from "../model/store.ts";
import { cellOf, colOf, grid, layered, rowOf, shell, shellIndex } from "./cells.ts";

// Memory is where places are kept between loads of the page.
export interface Memory { load(path: string): { [id: string]: number } | undefined; save(path: string, places: { [id: string]: number }): void }

const small = 2000; // nodes that are layered at once, in less than the worker takes to answer
const remembered = 3000; // elements of a container whose places are kept
const forgotten = 20000; // places of what went, of one container
const kept = 150; // containers whose places are kept

// reversed are the kinds of edges that point from right to left: from what needs
// to what is needed.
const reversed = new Set(["needs", "depends_on", "requires", "after"]);

export class Cells implements Placer {
  onPlaced: () => void = () => {};
  private readonly memory: Memory;
  private worker: Worker | undefined;
  private asked = 0;
  private readonly waiting = new Map<number, { c: Container; items: Item[] }>();
  private readonly unsaved = new Set<Container>();
  private saving = false;

  constructor(memory: Memory) { this.memory = memory; }

  // warm starts the worker before it is needed.
  warm(): void { this.worker ??= typeof Worker === "undefined" ? undefined : this.start(); }

  place(c: Container, fresh: Item[]): void {
    const first = !c.placed;
    c.placed = true;
    if (first) {
      const places = this.memory.load(c.path);
      if (places) fresh = fresh.filter((i) => { const cell = places[i.id]; return cell === undefined || !this.put(c, i, cell); });
      if (!places && fresh.length > 1) { this.lay(c, fresh); return; }
    }
    for (const i of fresh) if (i.col < 0) this.put(c, i, this.near(c, i));
    this.later(c);
  }

  free(c: Container, i: Item): void {
    if (i.col < 0) return;
    c.taken.delete(cellOf(i.col, i.row));
    if (c.past.size > forgotten) c.past.clear();
    c.past.set(i.id, cellOf(i.col, i.row));
    c.next = Math.min(c.next, shellIndex(i.col, i.row));
  }

  // lay gives a container its first layout.
  private lay(c: Container, items: Item[]): void {
    if (!c.links.length) {
      const order = [...items].sort((a, b) => (a.id < b.id ? -1 : 1)), cells = grid(order.length);
      this.take(c, order, cells);
      return;
    }
    const ties = c.packed.ends.slice(0, 2 * c.links.length); // all of it is fresh: an element's number is its place in the list
    c.links.forEach((l, k) => { if (reversed.has(l.kind)) { ties[2 * k] = l.to.at; ties[2 * k + 1] = l.from.at; } });
    if (items.length <= small || typeof Worker === "undefined") { this.take(c, items, layered(items.length, ties)); return; }
    this.warm();
    this.waiting.set(++this.asked, { c, items });
    this.worker!.postMessage({ id: this.asked, n: items.length, ties }, [ties.buffer]);
  }

  private start(): Worker {
    const w = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    w.onmessage = (m: MessageEvent<{ id: number; cells: Int32Array }>) => {
      const asked = this.waiting.get(m.data.id);
      this.waiting.delete(m.data.id);
      if (asked) this.take(asked.c, asked.items, m.data.cells);
    };
    return w;
  }

  private take(c: Container, items: Item[], cells: Int32Array): void {
    items.forEach((i, k) => {
      if (i.col >= 0 || c.byId.get(i.id) !== i) return; // placed or gone meanwhile
      if (!this.put(c, i, cellOf(cells[2 * k]!, cells[2 * k + 1]!))) this.put(c, i, this.near(c, i));
    });
    this.later(c);
    this.onPlaced();
  }

  private put(c: Container, i: Item, cell: number): boolean {
    if (c.taken.has(cell)) return false;
    c.taken.set(cell, i);
    i.col = colOf(cell);
    i.row = rowOf(cell);
    c.packed.place(i.at, i.col, i.row);
    c.cols = Math.max(c.cols, roomy(i.col + 1));
    c.rows = Math.max(c.rows, roomy(i.row + 1));
    return true;
  }

  // near is the free cell for a late comer: where it was before it went, beside
  // what it is tied to, or the first along the shells.
  private near(c: Container, i: Item): number {
    const was = c.past.get(i.id);
    if (was !== undefined && !c.taken.has(was)) return was;
    for (const l of linksOf(i)) {
      const other = l.from === i ? l.to : l.from;
      if (other.col < 0) continue;
      const right = (l.to === i) !== reversed.has(l.kind);
      for (let d = 0; d < 4; d++) {
        const col = other.col + (right ? 1 : -1), cell = cellOf(col, other.row + d);
        if (col >= 0 && !c.taken.has(cell)) return cell;
      }
    }
    while (c.taken.has(shell(c.next))) c.next++;
    return shell(c.next);
  }

  private later(c: Container): void {
    if (c.items.length > remembered) return;
    this.unsaved.add(c);
    if (this.saving) return;
    this.saving = true;
    setTimeout(() => this.flush(), 500);
  }

  private flush(): void {
    this.saving = false;
    for (const c of this.unsaved) {
      const places: { [id: string]: number } = Object.create(null);
      for (const i of c.items) if (i.col >= 0) places[i.id] = cellOf(i.col, i.row);
      this.memory.save(c.path, places);
    }
    this.unsaved.clear();
  }
}

// roomy rounds an extent up, so that a container that grows changes its scale
// seldom.
function roomy(n: number): number {
  if (n <= 8) return n;
  const step = 2 ** Math.max(1, Math.floor(Math.log2(n)) - 2);
  return Math.ceil(n / step) * step;
}

// Kept is memory in the browser's local storage, the places longest unused
// forgotten first. A full or forbidden storage forgets, and no more.
export class Kept implements Memory {
  private readonly prefix: string;
  constructor(prefix: string) { this.prefix = prefix; }

  load(path: string): { [id: string]: number } | undefined {
    try {
      const text = localStorage.getItem(this.prefix + path);
      return text ? JSON.parse(text) as { [id: string]: number } : undefined;
    } catch { return undefined; }
  }

  save(path: string, places: { [id: string]: number }): void {
    try {
      const index = (JSON.parse(localStorage.getItem(`${this.prefix}index`) ?? "[]") as string[]).filter((p) => p !== path);
      index.push(path);
      for (const old of index.splice(0, Math.max(0, index.length - kept))) localStorage.removeItem(this.prefix + old);
      localStorage.setItem(`${this.prefix}index`, JSON.stringify(index));
      localStorage.setItem(this.prefix + path, JSON.stringify(places));
    } catch { /* it is not to be had: places are made anew next time */ }
  }
}

export const noMemory: Memory = { load: () => undefined, save: () => {} };
