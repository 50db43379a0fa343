// The picture from afar: elements and edges as pixels, straight from a container's
// numbers. Nothing here looks at an Item or a Link.
import type { Packed } from "../model/packed.ts";
import { type Frame, cell } from "./camera.ts";
import type { Pixels } from "./pixels.ts";

const ink = 6e5; // pixels of lines in one container; of more, every second is left out, or more

export interface View { w: number; h: number }

// seen lists the edges whose box meets the view, into list, and returns how many
// they are. hide says by kind which elements take their edges along.
export function seen(p: Packed, f: Frame, view: View, hide: Uint8Array | undefined, list: Int32Array): number {
  const { ends, cells, kinds, edges } = p, w = cell.w * f.s, h = cell.h * f.s;
  // A cell's column is in the view from left to right, its row from top to bottom.
  const left = -f.x / w - 1, right = (view.w - f.x) / w, top = -f.y / h - 1, bottom = (view.h - f.y) / h;
  let n = 0;
  for (let e = 0; e < edges; e++) {
    const a = ends[2 * e]!, b = ends[2 * e + 1]!, ac = cells[2 * a]!, bc = cells[2 * b]!;
    if (ac < 0 || bc < 0 || (ac > right && bc > right) || (ac < left && bc < left)) continue;
    const ar = cells[2 * a + 1]!, br = cells[2 * b + 1]!;
    if ((ar > bottom && br > bottom) || (ar < top && br < top) || (hide && (hide[kinds[a]!] || hide[kinds[b]!]))) continue;
    list[n++] = e;
  }
  return n;
}

// lines draws the first n edges of list: straight, from border to border, with
// heads as large as there is room for.
export function lines(pixels: Pixels, p: Packed, f: Frame, view: View, list: Int32Array, n: number, colour: number, point: number): void {
  const { ends, cells } = p, w = cell.w * f.s, h = cell.h * f.s, most = view.w + view.h;
  let total = 0;
  for (let k = 0; k < n; k++) {
    const a = 2 * ends[2 * list[k]!]!, b = 2 * ends[2 * list[k]! + 1]!;
    total += Math.min(most, Math.max(Math.abs(cells[a]! - cells[b]!) * w, Math.abs(cells[a + 1]! - cells[b + 1]!) * h));
  }
  const stride = Math.max(1, Math.ceil(total / ink)), size = Math.max(1, Math.min(9, 18 * f.s));
  const x = f.x + cell.padX * f.s, y = f.y + (cell.padY + cell.boxH / 2) * f.s, box = cell.boxW * f.s;
  for (let k = 0; k < n; k++) {
    const a = 2 * ends[2 * list[k]!]!, b = 2 * ends[2 * list[k]! + 1]!, right = cells[b]! >= cells[a]!;
    const x1 = x + cells[b]! * w + (right ? 0 : box), y1 = y + cells[b + 1]! * h;
    pixels.line(x + cells[a]! * w + (right ? box : 0), y + cells[a + 1]! * h, x1, y1, colour, stride);
    if (x1 > 0 && y1 > 0 && x1 < view.w && y1 < view.h) pixels.head(x1, y1, size, right ? 1 : -1, point);
  }
}

// dots draws every element; colours are by kind, 0 for what is hidden. It returns
// how many are in view.
export function dots(pixels: Pixels, p: Packed, f: Frame, view: View, colours: Uint32Array, pale: Uint32Array): number {
  const { cells, kinds, nodes } = p, w = cell.w * f.s, h = cell.h * f.s, bw = cell.boxW * f.s, bh = cell.boxH * f.s;
  const x0 = f.x + cell.padX * f.s, y0 = f.y + cell.padY * f.s;
  let n = 0;
  for (let i = 0; i < nodes; i++) {
    const col = cells[2 * i]!, x = x0 + col * w, y = y0 + cells[2 * i + 1]! * h, colour = colours[kinds[i]!]!;
    if (col < 0 || colour === 0 || x > view.w || y > view.h || x + bw < 0 || y + bh < 0) continue;
    pixels.rect(x, y, bw, bh, colour);
    if (bw > 6) pixels.rect(x + 1, y + 1, bw - 2, bh - 2, pale[kinds[i]!]!);
    n++;
  }
  return n;
}

const apart = 130; // px at least from one landmark to the next
const high = 60; // px

// Landmarks are the elements with names in a picture whose boxes have no room for
// them: in each of equal tiles the one with the most edges, of equals the first.
// Tiles are of whole cells and grow by doubling, so that names stay where they are
// while one pans, and change seldom while one zooms.
export class Landmarks {
  private readonly kept = new WeakMap<Packed, { version: number; key: string; list: Int32Array }>();

  of(p: Packed, f: Frame, hide: Uint8Array | undefined): Int32Array {
    const wide = 2 ** Math.max(0, Math.ceil(Math.log2(apart / (cell.w * f.s)))), tall = 2 ** Math.max(0, Math.ceil(Math.log2(high / (cell.h * f.s))));
    const key = `${wide} ${tall} ${hide ? hide.join("") : ""}`, had = this.kept.get(p);
    if (had && had.version === p.version && had.key === key) return had.list;
    const list = choose(p, wide, tall, hide);
    this.kept.set(p, { version: p.version, key, list });
    return list;
  }
}

function choose(p: Packed, wide: number, tall: number, hide: Uint8Array | undefined): Int32Array {
  const { nodes, edges, ends, cells, kinds } = p, degree = new Uint32Array(nodes), best = new Map<number, number>();
  for (let e = 0; e < 2 * edges; e++) degree[ends[e]!]!++;
  for (let i = 0; i < nodes; i++) {
    const col = cells[2 * i]!, row = cells[2 * i + 1]!;
    if (col < 0 || hide?.[kinds[i]!]) continue;
    const tile = Math.floor(row / tall) * 65536 + Math.floor(col / wide), b = best.get(tile);
    if (b === undefined || degree[i]! > degree[b]! || (degree[i]! === degree[b]! && before(cells, i, b))) best.set(tile, i);
  }
  return Int32Array.from(best.values());
}

const before = (cells: Int32Array, a: number, b: number): boolean => cells[2 * a + 1]! < cells[2 * b + 1]! || (cells[2 * a + 1] === cells[2 * b + 1] && cells[2 * a]! < cells[2 * b]!);
