// Where one looks. A frame says how a container's own units become pixels:
// pixel = offset + unit * scale. The camera keeps the frame of one container,
// the one it is in, and computes those of others from it: so that no number
// grows or shrinks without bound however deep one goes.
import type { Container, Item } from "../model/store.ts";

export interface Frame { x: number; y: number; s: number }

// The measures of a cell, in a container's units.
export const cell = { w: 200, h: 140, boxW: 168, boxH: 108, padX: 16, padY: 16 };
const body = { x: 5, y: 24, w: 158, h: 79 }; // of a box, where its inner graph is drawn
const margin = 24; // px around what is fitted
const closest = 12; // px per unit, at most, for what cannot be entered

// boxAt is the origin of an item's box.
export const boxX = (i: Item): number => i.col * cell.w + cell.padX;
export const boxY = (i: Item): number => i.row * cell.h + cell.padY;

// inner returns the frame of an item's inner graph, from its home's.
export function inner(f: Frame, i: Item, c: Container): Frame {
  const k = Math.min(body.w / (c.cols * cell.w), body.h / (c.rows * cell.h));
  const dx = body.x + (body.w - c.cols * cell.w * k) / 2, dy = body.y + (body.h - c.rows * cell.h * k) / 2;
  return { s: f.s * k, x: f.x + (boxX(i) + dx) * f.s, y: f.y + (boxY(i) + dy) * f.s };
}

function outer(f: Frame, i: Item, c: Container): Frame {
  const k = Math.min(body.w / (c.cols * cell.w), body.h / (c.rows * cell.h)), s = f.s / k;
  const dx = body.x + (body.w - c.cols * cell.w * k) / 2, dy = body.y + (body.h - c.rows * cell.h * k) / 2;
  return { s, x: f.x - (boxX(i) + dx) * s, y: f.y - (boxY(i) + dy) * s };
}

export class Camera {
  w = 1;
  h = 1;
  at: Container;
  frame: Frame = { x: 0, y: 0, s: 1 };
  private flight: { to: Container; from: Frame; end: Frame; begun: number; ms: number } | undefined;

  constructor(root: Container) { this.at = root; }

  resize(w: number, h: number): void { this.w = Math.max(1, w); this.h = Math.max(1, h); }

  // frameOf returns the frame of any container that is placed.
  frameOf(c: Container): Frame {
    const above = new Map<Container, Frame>([[this.at, this.frame]]);
    let f = this.frame;
    for (let a = this.at; a.owner && a.parent; a = a.parent) { f = outer(f, a.owner, a); above.set(a.parent, f); }
    const down: Container[] = [];
    let top: Container = c;
    while (!above.has(top) && top.parent) { down.push(top); top = top.parent; }
    f = above.get(top) ?? this.frame;
    for (const d of down.reverse()) f = inner(f, d.owner!, d);
    return f;
  }

  pan(dx: number, dy: number): void {
    this.flight = undefined;
    this.frame = { ...this.frame, x: this.frame.x + dx, y: this.frame.y + dy };
    this.settle();
  }

  // zoom scales by a factor around a pixel.
  zoom(px: number, py: number, by: number): void {
    this.flight = undefined;
    const f = this.frame;
    if (by > 1 && f.s > closest * 4) return;
    if (by < 1 && !this.at.parent && f.s * cell.w * this.at.cols < 40) return;
    this.frame = { s: f.s * by, x: px - (px - f.x) * by, y: py - (py - f.y) * by };
    this.settle();
  }

  // fitting is the frame in which a container fills the view.
  private fitting(c: Container): Frame {
    const cw = c.cols * cell.w, ch = c.rows * cell.h;
    const s = Math.min((this.w - 2 * margin) / cw, (this.h - 2 * margin) / ch, 1.6);
    return { s, x: (this.w - cw * s) / 2, y: (this.h - ch * s) / 2 };
  }

  fit(c: Container, now: number, ms: number): void { this.fly(c, this.fitting(c), now, ms); }

  // show brings an item into the middle, large enough to read.
  show(i: Item, now: number, ms: number): void {
    const f = this.frameOf(i.home), s = Math.min(Math.max(f.s, 0.9), Math.max(2.2, f.s > 4 ? 0 : f.s));
    const end = { s, x: this.w / 2 - (boxX(i) + cell.boxW / 2) * s, y: this.h / 2 - (boxY(i) + cell.boxH / 2) * s };
    this.fly(i.home, end, now, ms);
  }

  private fly(to: Container, end: Frame, now: number, ms: number): void {
    if (ms <= 0) { this.flight = undefined; this.at = to; this.frame = end; this.settle(); return; }
    this.flight = { to, from: this.frameOf(to), end, begun: now, ms };
  }

  // step goes on with a flight; it is false when there is none. A flight scales
  // around the one point that both frames share, as a zoom by hand does.
  step(now: number): boolean {
    const fl = this.flight;
    if (!fl) return false;
    const t = Math.min(1, Math.max(0, (now - fl.begun) / fl.ms)), e = t * t * (3 - 2 * t);
    const s = fl.from.s * (fl.end.s / fl.from.s) ** e;
    const share = Math.abs(fl.end.s / fl.from.s - 1) < 0.01 ? e : (s - fl.from.s) / (fl.end.s - fl.from.s);
    this.at = fl.to;
    this.frame = { s, x: fl.from.x + (fl.end.x - fl.from.x) * share, y: fl.from.y + (fl.end.y - fl.from.y) * share };
    this.settle();
    if (t >= 1) this.flight = undefined;
    return true;
  }

  get flying(): boolean { return this.flight !== undefined; }

  // settle moves into the container that covers the whole view, or out of one
  // that does not.
  private settle(): void {
    for (let n = 0; n < 70; n++) {
      const { at, frame: f } = this;
      if (at.owner && at.parent && !covers(f, at, this.w, this.h)) {
        this.frame = outer(f, at.owner, at);
        this.at = at.parent;
        continue;
      }
      const mid = at.taken.get(Math.floor((this.h / 2 - f.y) / f.s / cell.h) * 65536 + Math.floor((this.w / 2 - f.x) / f.s / cell.w));
      if (!mid?.box || mid.box.state !== "ready" || !mid.box.items.length) return;
      const g = inner(f, mid, mid.box);
      if (!covers(g, mid.box, this.w, this.h)) return;
      this.at = mid.box;
      this.frame = g;
    }
  }
}

function covers(f: Frame, c: Container, w: number, h: number): boolean {
  return f.x <= 0 && f.y <= 0 && f.x + c.cols * cell.w * f.s >= w && f.y + c.rows * cell.h * f.s >= h;
}
