// What is under a pixel.
import type { Container, Item, Link } from "../model/store.ts";
import { type Camera, type Frame, boxX, boxY, cell, inner } from "./camera.ts";

export function hit(camera: Camera, px: number, py: number): Item | Link | undefined {
  return within(camera.at, camera.frame, px, py);
}

function within(c: Container, f: Frame, px: number, py: number): Item | Link | undefined {
  const x = (px - f.x) / f.s, y = (py - f.y) / f.s;
  const i = c.taken.get(Math.floor(y / cell.h) * 65536 + Math.floor(x / cell.w));
  if (i && x >= boxX(i) && y >= boxY(i) && x <= boxX(i) + cell.boxW && y <= boxY(i) + cell.boxH) {
    if (i.box?.state === "ready" && cell.boxW * f.s >= opens) return within(i.box, inner(f, i, i.box), px, py) ?? i;
    return i;
  }
  if (cell.boxW * f.s < 28 || c.links.length > 5000) return undefined;
  let best: Link | undefined, least = 6 / f.s;
  for (const l of c.links) {
    const d = distance(x, y, l);
    if (d < least) { least = d; best = l; }
  }
  return best;
}

// opens is how wide a box is, in px, when its inner graph is shown.
export const opens = 110;

export interface Curve { x0: number; y0: number; x1: number; y1: number; bend: number; upright: boolean }

// curve is the way of an edge in its container's units: from border to border,
// leaving and arriving sideways, or up and down within a column.
export function curve(l: Link): Curve {
  const a = l.from, b = l.to, ax = boxX(a), ay = boxY(a), bx = boxX(b), by = boxY(b);
  if (a === b) return { x0: ax + cell.boxW * 0.7, y0: ay, x1: ax + cell.boxW, y1: ay + cell.boxH * 0.3, bend: 30, upright: false };
  if (a.col === b.col) {
    const down = b.row > a.row;
    return { x0: ax + cell.boxW / 2, y0: ay + (down ? cell.boxH : 0), x1: bx + cell.boxW / 2, y1: by + (down ? 0 : cell.boxH), bend: (down ? 1 : -1) * Math.min(40, Math.abs(by - ay) / 3), upright: true };
  }
  const right = b.col > a.col;
  return { x0: ax + (right ? cell.boxW : 0), y0: ay + cell.boxH / 2, x1: bx + (right ? 0 : cell.boxW), y1: by + cell.boxH / 2, bend: (right ? 1 : -1) * Math.min(90, Math.abs(bx - ax) / 3), upright: false };
}

function distance(x: number, y: number, l: Link): number {
  const k = curve(l);
  let best = Infinity, lx = k.x0, ly = k.y0;
  for (let n = 1; n <= 12; n++) {
    const t = n / 12, u = 1 - t;
    const cx0 = k.x0 + (k.upright ? 0 : k.bend), cy0 = k.y0 + (k.upright ? k.bend : 0), cx1 = k.x1 - (k.upright ? 0 : k.bend), cy1 = k.y1 - (k.upright ? k.bend : 0);
    const qx = u * u * u * k.x0 + 3 * u * u * t * cx0 + 3 * u * t * t * cx1 + t * t * t * k.x1, qy = u * u * u * k.y0 + 3 * u * u * t * cy0 + 3 * u * t * t * cy1 + t * t * t * k.y1;
    const dx = qx - lx, dy = qy - ly, len = dx * dx + dy * dy, along = len ? Math.max(0, Math.min(1, ((x - lx) * dx + (y - ly) * dy) / len)) : 0;
    best = Math.min(best, Math.hypot(x - lx - along * dx, y - ly - along * dy));
    lx = qx; ly = qy;
  }
  return best;
}
