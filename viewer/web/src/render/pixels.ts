// What is too small for a box with a name is set pixel by pixel: a hundred
// thousand elements cost some milliseconds, whatever the browser's canvas does.

export class Pixels {
  private canvas: OffscreenCanvas | undefined;
  private image: ImageData | undefined;
  private buf = new Uint32Array(0);
  private w = 0;
  private h = 0;
  private used = false;
  private blank = 0; // what stands where nothing is

  // begin empties the buffer: of a ground of its own, which is then all of the
  // picture and needs no mixing, or see-through.
  begin(w: number, h: number, ground = 0): void {
    if (w !== this.w || h !== this.h || !this.image) {
      this.w = w; this.h = h;
      this.canvas = undefined;
      this.image = new ImageData(w, h);
      this.buf = new Uint32Array(this.image.data.buffer);
      this.used = ground !== 0;
    }
    if (this.used || ground !== this.blank) this.buf.fill(ground);
    this.blank = ground;
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

  // line draws where nothing is yet, every stride-th pixel of it, in steps along
  // its longer side, after clipping (Liang and Barsky).
  line(x0: number, y0: number, x1: number, y1: number, colour: number, stride: number): void {
    const dx = x1 - x0, dy = y1 - y0, right = this.w - 1, bottom = this.h - 1;
    let t0 = 0, t1 = 1, r: number;
    if (dx === 0) { if (x0 < 0 || x0 > right) return; } else {
      r = (dx > 0 ? 0 - x0 : right - x0) / dx; if (r > t0) t0 = r;
      r = (dx > 0 ? right - x0 : 0 - x0) / dx; if (r < t1) t1 = r;
    }
    if (dy === 0) { if (y0 < 0 || y0 > bottom) return; } else {
      r = (dy > 0 ? 0 - y0 : bottom - y0) / dy; if (r > t0) t0 = r;
      r = (dy > 0 ? bottom - y0 : 0 - y0) / dy; if (r < t1) t1 = r;
    }
    if (t0 > t1) return;
    this.used = true;
    const one = 65536, { buf, w, blank } = this, steps = Math.ceil(Math.max(Math.abs(dx), Math.abs(dy)) * (t1 - t0) / stride) || 1;
    let x = ((x0 + t0 * dx) * one) | 0, y = ((y0 + t0 * dy) * one) | 0;
    const sx = ((dx * (t1 - t0) / steps) * one) | 0, sy = ((dy * (t1 - t0) / steps) * one) | 0;
    for (let n = 0; n < steps; n++) {
      const k = (y >> 16) * w + (x >> 16);
      if (buf[k] === blank) buf[k] = colour;
      x += sx;
      y += sy;
    }
  }

  // head is a triangle whose point is at x, y, and which comes from the left, or
  // with dir < 0 from the right; of size 1 it is one pixel.
  head(x: number, y: number, size: number, dir: number, colour: number): void {
    if (size < 2) {
      const k = Math.min(this.h - 1, Math.round(y)) * this.w + Math.min(this.w - 1, Math.max(0, Math.round(x) - (dir > 0 ? 1 : 0)));
      this.buf[k] = colour;
      this.used = true;
      return;
    }
    for (let d = 0; d < size; d++) this.rect(x - dir * d - (dir > 0 ? 1 : 0), y - d / 2, 1, Math.max(1, d), colour);
  }

  // end puts the pixels on the picture; density is how many of the canvas's own
  // there are to one of these.
  end(ctx: CanvasRenderingContext2D, density: number): void {
    if (!this.used || !this.image) return;
    if (this.blank !== 0 && density === 1) { ctx.putImageData(this.image, 0, 0); return; }
    this.canvas ??= new OffscreenCanvas(this.w, this.h);
    this.canvas.getContext("2d")!.putImageData(this.image, 0, 0);
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(this.canvas, 0, 0);
  }
}
