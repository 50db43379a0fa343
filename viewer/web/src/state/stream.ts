// The daemon's event stream: every record once and in order, across losses of
// the connection; after a gap, which the daemon tells, everything is read anew.
import { url } from "../api/client.ts";
import type { Rec } from "../api/types.ts";

export interface Followers {
  record(r: Rec): void;
  gap(seq: number): void; // a snapshot: what was between is to be read elsewhere
  connected(yes: boolean): void;
}

const ops = 500; // of one record; of what has more everything is read anew
const retry = 2000; // ms

export class Stream {
  private source: EventSource | undefined;
  private timer = 0;
  private seq = 0;
  private readonly to: Followers;

  constructor(to: Followers) { this.to = to; }

  // start connects. The browser connects again by itself, and says what it had
  // last; only when it has given up do we begin anew, with a snapshot.
  start(): void {
    this.stop();
    const s = new EventSource(url("/events", { ops }));
    this.source = s;
    this.seq = 0;
    s.addEventListener("snapshot", (m) => {
      this.seq = (JSON.parse(m.data) as { seq: number }).seq;
      this.to.connected(true);
      this.to.gap(this.seq);
    });
    s.addEventListener("record", (m) => {
      const r = JSON.parse(m.data) as Rec;
      if (r.seq <= this.seq) return;
      this.seq = r.seq;
      this.to.record(r);
    });
    s.onopen = () => this.to.connected(true);
    s.onerror = () => {
      this.to.connected(false);
      if (s.readyState !== EventSource.CLOSED || this.source !== s) return;
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.start(), retry);
    };
  }

  stop(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = undefined;
  }
}
