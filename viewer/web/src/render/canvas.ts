// Canvas 2D, with as much detail as there is room for: pixels, boxes, boxes with
// names, boxes with their inner graph in them, and so on inwards.
import { type Container, type Item, type Link, type Mark, linkPath, linksOf, pathOf } from "../model/store.ts";
import { last, parentOf } from "../model/paths.ts";
import { type Frame, boxX, boxY, cell, inner } from "./camera.ts";
import { dots, Landmarks, lines, seen } from "./far.ts";
import { curve, opens } from "./hit.ts";
import { Pixels } from "./pixels.ts";
import type { Picture, Renderer, Scene } from "./renderer.ts";
import { stateOf, toneOf } from "./theme.ts";

const tiny = 28; // px: narrower boxes are pixels
const curves = 250; // edges of one container that are drawn as curves; more are straight lines
const names = 40; // px: wider boxes have names
export const pulse = 1200; // ms that a change is seen
const fade = 500; // ms that a removed box fades
const wanted = 64; // containers asked for in one picture

const font = "system-ui, sans-serif";

export class Canvas2D implements Renderer {
  private readonly ctx: CanvasRenderingContext2D;
  private readonly pixels = new Pixels();
  private readonly landmarks = new Landmarks();
  private list = new Int32Array(0); // edges in view
  w = 1; // px of the view
  h = 1;
  private density = 1;
  private scene!: Scene;
  private picture!: Picture;

  constructor(canvas: HTMLCanvasElement) { this.ctx = canvas.getContext("2d", { alpha: false })!; }

  resize(w: number, h: number, density: number): void {
    this.w = w; this.h = h; this.density = Math.min(2, density);
    this.ctx.canvas.width = Math.round(w * this.density);
    this.ctx.canvas.height = Math.round(h * this.density);
  }

  draw(scene: Scene): Picture {
    this.scene = scene;
    this.picture = { wanted: [], moving: false, drawn: 0 };
    const { ctx } = this;
    ctx.setTransform(this.density, 0, 0, this.density, 0, 0);
    ctx.fillStyle = scene.theme.ground;
    ctx.fillRect(0, 0, this.w, this.h);
    this.layer(cell.boxW * scene.camera.frame.s < tiny);
    this.level(scene.camera.at, scene.camera.frame);
    this.pixels.end(ctx, this.density);
    for (const n of this.named) this.landmark(n.i, n.x, n.y);
    this.named.length = 0;
    this.references();
    return this.picture;
  }

  // layer begins a layer of pixels. The lowest has the ground in it, and nothing
  // was drawn before it.
  private layer(lowest: boolean): void { this.pixels.begin(Math.ceil(this.w), Math.ceil(this.h), lowest ? this.scene.theme.groundPixel : 0); }

  // level draws one container.
  private level(c: Container, f: Frame): void {
    if (cell.boxW * f.s < tiny) { this.dots(c, f); return; }
    this.links(c, f);
    for (const i of c.leaving) this.leaving(i, f);
    const c0 = Math.floor(-f.x / f.s / cell.w), c1 = Math.floor((this.w - f.x) / f.s / cell.w);
    const r0 = Math.floor(-f.y / f.s / cell.h), r1 = Math.floor((this.h - f.y) / f.s / cell.h);
    if ((c1 - c0 + 1) * (r1 - r0 + 1) < c.items.length) {
      for (let r = Math.max(0, r0); r <= r1; r++) for (let k = Math.max(0, c0); k <= c1; k++) {
        const i = c.taken.get(r * 65536 + k);
        if (i) this.box(i, f);
      }
    } else for (const i of c.items) if (i.col >= c0 && i.col <= c1 && i.row >= r0 && i.row <= r1) this.box(i, f);
  }

  // dots draws a container whose boxes have no room for more.
  private dots(c: Container, f: Frame): void {
    const { theme, marks, below, lit, now, selected } = this.scene, p = c.packed, hide = this.hiding(c);
    const colours = Uint32Array.from(p.names, (kind, k) => (hide?.[k] ? 0 : lit ? theme.edgePixel : theme.kind(kind).pixel));
    const n = this.inView(c, f, hide);
    lines(this.pixels, p, f, this, this.list, n, theme.edgePixel, theme.edgeHead);
    this.picture.drawn += n + dots(this.pixels, p, f, this, colours, colours.map((x) => lighter(x, theme.dark)));
    for (const i of c.recent) if ("col" in i && now - i.flash < pulse) { this.picture.moving = true; this.dot(i, f, theme.marks.both.pixel); }
    if (lit) for (const path of lit.keys()) { const i = childOf(c, path); if (i) this.dot(i, f, theme.kind(i.kind).pixel); }
    if (marks) for (const m of [below, marks]) for (const path of m?.keys() ?? []) {
      const i = childOf(c, path), mark = i && (!lit || lit.has(path)) ? this.markOf(i) : undefined;
      if (i && mark) this.dot(i, f, theme.marks[mark].pixel);
    }
    if (selected && "col" in selected && selected.home === c) this.dot(selected, f, theme.marks.conflict.pixel);
    if (c !== this.scene.camera.at || lit) return; // names are of what one is in
    for (const k of this.landmarks.of(p, f, hide)) {
      const i = c.items[k]!, x = f.x + boxX(i) * f.s, y = f.y + boxY(i) * f.s;
      if (x > -40 && y > -20 && x < this.w && y < this.h) this.named.push({ i, x, y });
    }
  }

  private readonly named: { i: Item; x: number; y: number }[] = []; // drawn above the pixels

  private dot(i: Item, f: Frame, colour: number): void {
    const x = f.x + boxX(i) * f.s, y = f.y + boxY(i) * f.s, w = cell.boxW * f.s, h = cell.boxH * f.s;
    if (i.col < 0 || this.scene.hidden.has(i.kind) || x > this.w || y > this.h || x + w < 0 || y + h < 0) return;
    this.pixels.rect(x, y, w, h, colour);
    if (w > 6) this.pixels.rect(x + 1, y + 1, w - 2, h - 2, lighter(colour, this.scene.theme.dark));
  }

  // landmark names an element that has no room for its name.
  private landmark(i: Item, x: number, y: number): void {
    const { ctx } = this, { theme, camera } = this.scene, w = Math.max(2, cell.boxW * camera.frame.s), h = Math.max(2, cell.boxH * camera.frame.s), text = cut(i.id, 110, 5.6);
    ctx.font = `600 10px ${font}`;
    ctx.textBaseline = "alphabetic";
    ctx.fillStyle = theme.ground;
    ctx.globalAlpha = 0.85;
    ctx.fillRect(x + w + 1, y + h / 2 - 7, text.length * 6 + 5, 13);
    ctx.globalAlpha = 1;
    ctx.fillStyle = theme.text;
    ctx.fillText(text, x + w + 3, y + h / 2 + 3);
    ctx.strokeStyle = theme.text;
    ctx.lineWidth = 1;
    ctx.strokeRect(Math.round(x) - 0.5, Math.round(y) - 0.5, w + 1, h + 1);
  }

  // hiding says which of a container's kinds are hidden, undefined for none.
  private hiding(c: Container): Uint8Array | undefined {
    const { hidden } = this.scene;
    return hidden.size ? Uint8Array.from(c.packed.names, (kind) => (hidden.has(kind) ? 1 : 0)) : undefined;
  }

  private inView(c: Container, f: Frame, hide: Uint8Array | undefined): number {
    if (this.list.length < c.packed.edges) this.list = new Int32Array(2 * c.packed.edges);
    return seen(c.packed, f, this, hide, this.list);
  }

  // links draws the edges of a container whose boxes have room: as curves, or if
  // they are many straight, beneath the boxes.
  private links(c: Container, f: Frame): void {
    const { ctx } = this, { theme, selected, marks, now } = this.scene, n = this.inView(c, f, this.hiding(c)), many = n > curves;
    const plain: Link[] = [], own: Link[] = [], marked: { l: Link; m: Exclude<Mark, ""> }[] = [];
    const sort = (l: Link) => {
      const m = marks?.get(linkPath(l));
      if (m) marked.push({ l, m });
      else if (l === selected || l.from === selected || l.to === selected || (l.flash > 0 && now - l.flash < pulse)) own.push(l);
      else if (!many) plain.push(l);
    };
    if (many && !marks) {
      // Of many only those that may be of their own are looked at one by one.
      const few = new Set<Link>(selected && selected.home === c ? ("col" in selected ? linksOf(selected) : [selected]) : []);
      for (const l of c.recent) if (!("col" in l)) few.add(l);
      for (const l of few) if (l.from.col >= 0 && l.to.col >= 0) sort(l);
    } else for (let k = 0; k < n; k++) sort(c.links[this.list[k]!]!);
    if (many) {
      if (c === this.scene.camera.at) this.layer(true);
      lines(this.pixels, c.packed, f, this, this.list, n, theme.edgePixel, theme.edgeHead);
      this.picture.drawn += n;
      this.pixels.end(ctx, this.density);
      this.layer(false);
    } else this.stroke(plain, f, theme.edge, 1, []);
    this.stroke(own.slice(0, curves), f, theme.accent, 2, []);
    for (const { l, m } of marked.slice(0, curves)) this.stroke([l], f, theme.marks[m].line, 2, theme.marks[m].dash);
    if (cell.boxW * f.s > 90) for (const l of [...own, ...plain].slice(0, 200)) this.linkName(l, f);
  }

  private stroke(links: readonly Link[], f: Frame, colour: string, width: number, dash: number[]): void {
    if (!links.length) return;
    const { ctx } = this, lines = new Path2D(), heads = new Path2D();
    for (const l of links) trace(lines, heads, l, f);
    ctx.strokeStyle = ctx.fillStyle = colour;
    ctx.lineWidth = width;
    ctx.setLineDash(dash);
    ctx.stroke(lines);
    ctx.setLineDash([]);
    ctx.fill(heads);
    this.picture.drawn += links.length;
  }

  private linkName(l: Link, f: Frame): void {
    const k = curve(l), size = Math.min(12, 11 * f.s);
    if (size < 7 || Math.hypot(k.x1 - k.x0, k.y1 - k.y0) * f.s < l.kind.length * size * 0.6) return; // it would lie beneath the boxes
    this.ctx.fillStyle = this.scene.theme.soft;
    this.ctx.font = `${size}px ${font}`;
    this.ctx.textAlign = "center";
    this.ctx.fillText(l.kind, f.x + ((k.x0 + k.x1) / 2) * f.s, f.y + ((k.y0 + k.y1) / 2) * f.s - 3);
    this.ctx.textAlign = "left";
  }

  private markOf(i: Item): Exclude<Mark, ""> | undefined {
    const { marks, below } = this.scene;
    if (!marks) return undefined;
    const p = pathOf(i);
    return (marks.get(p) || undefined) as Exclude<Mark, ""> | undefined ?? (below?.has(p) ? "changed" : undefined);
  }

  private leaving(i: Item, f: Frame): void {
    const age = (this.scene.now - i.gone) / fade;
    if (age >= 1 || i.col < 0) return;
    this.picture.moving = true;
    const { ctx } = this, x = f.x + boxX(i) * f.s, y = f.y + boxY(i) * f.s, w = cell.boxW * f.s, h = cell.boxH * f.s;
    ctx.globalAlpha = 1 - age;
    ctx.strokeStyle = this.scene.theme.marks.removed.line;
    ctx.setLineDash([2, 3]);
    ctx.strokeRect(x, y, w, h);
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
  }

  private box(i: Item, f: Frame): void {
    const { ctx } = this, { theme, hidden, lit, now, still } = this.scene;
    if (i.col < 0 || hidden.has(i.kind)) return;
    const x = f.x + boxX(i) * f.s, y = f.y + boxY(i) * f.s, w = cell.boxW * f.s, h = cell.boxH * f.s;
    this.picture.drawn++;
    const style = theme.kind(i.kind), fresh = i.flash ? (now - i.flash) / pulse : 1;
    if (fresh < 1) this.picture.moving = true;
    const matches = lit?.get(lit ? pathOf(i) : "");
    ctx.globalAlpha = lit && !matches ? 0.25 : 1;
    ctx.fillStyle = style.fill;
    ctx.fillRect(x, y, w, h);
    const mark = this.markOf(i);
    ctx.strokeStyle = mark ? theme.marks[mark].line : style.line;
    ctx.lineWidth = mark ? 2.5 : 1;
    if (mark) ctx.setLineDash(theme.marks[mark].dash);
    ctx.strokeRect(x, y, w, h);
    if (mark) ctx.setLineDash([]);
    if (mark === "removed" && w > 24) this.strike(x, y, w, h, theme.marks.removed.line);
    const open = w >= opens && i.inner !== undefined;
    if (w >= names) this.label(i, x, y, w, h, open, mark, matches);
    if (open) this.inside(i, f, x, y, w, h);
    ctx.globalAlpha = 1;
    if (fresh < 1) {
      const grow = still ? 2 : 2 + 6 * fresh;
      ctx.globalAlpha = 1 - fresh;
      ctx.strokeStyle = theme.marks.both.line;
      ctx.lineWidth = 3;
      ctx.strokeRect(x - grow, y - grow, w + 2 * grow, h + 2 * grow);
      ctx.globalAlpha = 1;
    }
    this.rings(i, x, y, w, h);
  }

  private rings(i: Item, x: number, y: number, w: number, h: number): void {
    const { ctx } = this, { theme, selected, pinned } = this.scene;
    if (i === selected) {
      ctx.strokeStyle = theme.accent;
      ctx.lineWidth = 3;
      ctx.strokeRect(x - 3, y - 3, w + 6, h + 6);
    }
    if (pinned.size && pinned.has(pathOf(i))) {
      ctx.fillStyle = theme.accent;
      ctx.beginPath();
      ctx.arc(x + w, y, Math.max(3, Math.min(6, w * 0.05)), 0, 7);
      ctx.fill();
    }
  }

  private strike(x: number, y: number, w: number, h: number, colour: string): void {
    const { ctx } = this;
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(x, y + h);
    ctx.lineTo(x + w, y);
    ctx.stroke();
  }

  private label(i: Item, x: number, y: number, w: number, h: number, open: boolean, mark: Exclude<Mark, ""> | undefined, matches: number | undefined): void {
    const { ctx } = this, { theme } = this.scene, size = Math.max(8, Math.min(14, w * 0.082)), pad = Math.max(3, size * 0.45);
    ctx.textBaseline = "alphabetic";
    ctx.fillStyle = theme.text;
    ctx.font = `600 ${size}px ${font}`;
    const sign = mark ? `${theme.marks[mark].sign} ` : "";
    const state = stateOf(i), line = y + pad + size * 0.8;
    ctx.fillText(cut(sign + i.id, w - 2 * pad, size * 0.56), x + pad, line);
    if (w < 72) return;
    const small = Math.max(7, size * 0.8);
    ctx.font = `${small}px ${font}`;
    if (open) {
      if (!state) return;
      ctx.textAlign = "right";
      ctx.fillStyle = theme.tones[toneOf(state)];
      ctx.fillText(state, x + w - pad, line);
      ctx.textAlign = "left";
      return;
    }
    ctx.fillStyle = theme.soft;
    ctx.fillText(cut(i.kind, w - 2 * pad, small * 0.54), x + pad, line + size * 1.25);
    if (state) {
      ctx.fillStyle = theme.tones[toneOf(state)];
      ctx.fillText(cut(`● ${state}`, w - 2 * pad, small * 0.54), x + pad, line + size * 2.4);
      ctx.fillStyle = theme.soft;
    }
    const count = i.inner ? `▣ ${i.inner.nodes}${i.inner.edges ? ` · ${i.inner.edges} →` : ""}` : "";
    const found = matches ? `  ⌕ ${matches}` : "", inside = this.scene.below?.get(this.scene.below.size ? pathOf(i) : "");
    const foot = count + found + (inside ? `  ~ ${inside}` : "");
    if (foot) ctx.fillText(cut(foot, w - 2 * pad, small * 0.54), x + pad, y + h - pad);
  }

  // inside draws an opened box's inner graph, or asks for it.
  private inside(i: Item, f: Frame, x: number, y: number, w: number, h: number): void {
    const b = i.box;
    if ((!b || b.state === "closed" || b.stale) && this.picture.wanted.length < wanted && x < this.w && y < this.h && x + w > 0 && y + h > 0) this.picture.wanted.push(i);
    if (b?.state !== "ready") return;
    const { ctx } = this, g = inner(f, i, b);
    ctx.fillStyle = this.scene.theme.ground;
    ctx.fillRect(g.x, g.y, b.cols * cell.w * g.s, b.rows * cell.h * g.s);
    const alpha = ctx.globalAlpha;
    this.level(b, g);
    ctx.globalAlpha = alpha;
  }

  // references draws dashed lines from the selected element to what it refers to.
  private references(): void {
    const { about, selected, camera, theme } = this.scene;
    if (!about.length || !selected || !("col" in selected) || selected.col < 0) return;
    const { ctx } = this, mid = (i: Item) => { const f = camera.frameOf(i.home); return [f.x + (boxX(i) + cell.boxW / 2) * f.s, f.y + (boxY(i) + cell.boxH / 2) * f.s] as const; };
    const [x, y] = mid(selected);
    ctx.strokeStyle = theme.accent;
    ctx.setLineDash([3, 4]);
    ctx.lineWidth = 1.5;
    for (const i of about) {
      if (i.col < 0) continue;
      const [tx, ty] = mid(i);
      ctx.beginPath();
      ctx.moveTo(x, y);
      ctx.lineTo(tx, ty);
      ctx.stroke();
    }
    ctx.setLineDash([]);
  }
}

// childOf is the element of a container that a path names, undefined for one that
// stands elsewhere.
function childOf(c: Container, path: string): Item | undefined {
  if (path === "/" || parentOf(path) !== c.path) return undefined;
  const { id, edge } = last(path);
  return edge ? undefined : c.byId.get(id);
}

// lighter moves a pixel three quarters of the way to the ground.
function lighter(p: number, dark: boolean): number {
  const to = dark ? 0x20 : 0xfb, f = (c: number) => (c + 3 * to) >> 2;
  return (0xff000000 | (f((p >> 16) & 255) << 16) | (f((p >> 8) & 255) << 8) | f(p & 255)) >>> 0;
}

function trace(p: Path2D, heads: Path2D, l: Link, f: Frame): void {
  const k = curve(l), x0 = f.x + k.x0 * f.s, y0 = f.y + k.y0 * f.s, x1 = f.x + k.x1 * f.s, y1 = f.y + k.y1 * f.s, b = k.bend * f.s;
  p.moveTo(x0, y0);
  if (k.upright) p.bezierCurveTo(x0, y0 + b, x1, y1 - b, x1, y1); else p.bezierCurveTo(x0 + b, y0, x1 - b, y1, x1, y1);
  const size = Math.max(2.5, Math.min(9, 12 * f.s)), dir = Math.sign(b) || 1;
  heads.moveTo(x1, y1);
  if (k.upright) { heads.lineTo(x1 - size * 0.5, y1 - size * dir); heads.lineTo(x1 + size * 0.5, y1 - size * dir); } else { heads.lineTo(x1 - size * dir, y1 - size * 0.5); heads.lineTo(x1 - size * dir, y1 + size * 0.5); }
  heads.closePath();
}

// cut shortens a text to a width, by the mean width of a letter: measuring each
// would cost more than drawing it.
function cut(text: string, width: number, letter: number): string {
  const most = Math.max(1, Math.floor(width / letter));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
