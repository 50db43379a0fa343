// What is too small for a box with a name is set pixel by pixel: a hundred
// thousand elements cost some milliseconds, whatever the browser's canvas does.

export class Pixels {
  private canvas: OffscreenCanvas | undefined;
  private image: ImageData | undefined;
  private buf = new Uint32Array(0);
  private w = 0;
  private h = 0;
  private used = false;

  begin(w: number, h: number): void {
    if (w !== this.w || h !== this.h || !this.canvas) {
      this.w = w; this.h = h;
      this.canvas = new OffscreenCanvas(w, h);
      this.image = new ImageData(w, h);
      this.buf = new Uint32Array(this.image.data.buffer);
    } else if (this.used) this.buf.fill(0);
    this.used = false;
  }

  rect(x: number, y: number, w: number, h: number, colour: number): void {
    const x0 = Math.max(0, Math.round(x)), y0 = Math.max(0, Math.round(y));
    const x1 = Math.min(this.w, Math.max(x0 + 1, Math.round(x + w))), y1 = Math.min(this.h, Math.max(y0 + 1, Math.round(y + h)));
    if (x + w < 0 || y + h < 0 || x0 >= this.w || y0 >= this.h) return;
    this.used = true;
    const { buf, w: width } = this;
    for (let r = y0; r < y1; r++) for (let k = r * width + x0, end = r * width + x1; k < end; k++) buf[k] = colour;
  }

  // line draws where nothing is yet; its end is set off, since an arrow would not
  // be seen. Bresenham, after clipping (Liang and Barsky).
  line(x0: number, y0: number, x1: number, y1: number, colour: number, head: number): void {
    let t0 = 0, t1 = 1;
    const dx = x1 - x0, dy = y1 - y0;
    for (const [p, q] of [[-dx, x0], [dx, this.w - 1 - x0], [-dy, y0], [dy, this.h - 1 - y0]] as const) {
      if (p === 0) { if (q < 0) return; continue; }
      const r = q / p;
      if (p < 0) { if (r > t1) return; t0 = Math.max(t0, r); } else { if (r < t0) return; t1 = Math.min(t1, r); }
    }
    this.used = true;
    let x = Math.round(x0 + t0 * dx), y = Math.round(y0 + t0 * dy);
    const ex = Math.round(x0 + t1 * dx), ey = Math.round(y0 + t1 * dy), ax = Math.abs(ex - x), ay = -Math.abs(ey - y);
    const sx = x < ex ? 1 : -1, sy = y < ey ? 1 : -1, { buf, w } = this;
    for (let err = ax + ay; ;) {
      const k = y * w + x;
      if (!buf[k]) buf[k] = colour;
      if (x === ex && y === ey) break;
      const e2 = 2 * err;
      if (e2 >= ay) { err += ay; x += sx; }
      if (e2 <= ax) { err += ax; y += sy; }
    }
    if (t1 === 1) this.buf[ey * w + ex] = head;
  }

  // end puts the pixels on the picture.
  end(ctx: CanvasRenderingContext2D, scale: number): void {
    if (!this.used || !this.canvas || !this.image) return;
    this.canvas.getContext("2d")!.putImageData(this.image, 0, 0);
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(this.canvas, 0, 0, this.w * scale, this.h * scale);
  }
}
