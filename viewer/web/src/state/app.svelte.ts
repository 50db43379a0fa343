// The page's state: who one is, what is shown, what comes in.
import { Problem, read } from "../api/client.ts";
import type { Approval, Caller, Change, DiffAnswer, LogAnswer, Process, Rec, Space, Status } from "../api/types.ts";
import { Cells, Kept } from "../layout/placer.ts";
import { ancestors, last, parentOf, within } from "../model/paths.ts";
import { type Item, type Link, type Mark, Store } from "../model/store.ts";
import { Loader } from "./loader.ts";
import { format, home, parse, type Route, versionOf } from "./route.ts";
import { Stream } from "./stream.ts";

const shownRecords = 500; // kept for the log and the time bar
const over = 12; // workspaces laid over the system at once
const settle = 250; // ms in which changes are gathered before lists are read again
const words = 100; // ms from one change of what is said beside the picture to the next
const ledger = ["/proc", "/sws", "/worker", "/purge", "/once"];
const inLedger = (path: string) => ledger.some((l) => within(path, l));

export interface Overlay {
  marks: Map<string, Mark>;
  below: Map<string, number>;
  changes: Change[];
  total: number;
}

export class App {
  caller = $state.raw<Caller>({ name: "", kind: "", caps: [], read_only: true });
  status = $state.raw<Status | undefined>();
  route = $state.raw<Route>(home);
  seq = $state(0); // of the newest record, as it is told
  connected = $state(false);
  denied = $state(false); // there is no session
  problem = $state("");
  processes = $state.raw<Process[]>([]);
  spaces = $state.raw<Space[]>([]);
  inbox = $state.raw<Approval[]>([]);
  records = $state.raw<Rec[]>([]); // the newest, oldest first
  overlay = $state.raw<Overlay | undefined>();
  picture = $state(0); // counts changes of the graph that views of it follow
  lists = $state(0); // counts readings of the lists
  announced = $state(""); // for screen readers

  readonly cells = new Cells(new Kept("jitos.place."));
  readonly store = new Store(this.cells);
  readonly loader = new Loader(this.store);
  newest = 0; // seq of the newest record that came in; what is told follows it some times a second
  private readonly stream: Stream;
  private waiting: Rec[] = [];
  private untold: Rec[] = [];
  private telling = 0;
  private told = 0; // when it was, ms
  private frame = 0;
  private timer = 0;
  private overlayFor = "";
  private shown = "";

  constructor() {
    this.stream = new Stream({
      record: (r) => { this.waiting.push(r); this.soon(); },
      gap: (seq) => { this.seq = this.newest = seq; this.waiting = []; this.untold = []; this.records = []; this.loader.refresh(); void this.tail(); this.later(); },
      connected: (yes) => { this.connected = yes; },
    });
    this.cells.warm();
    this.cells.onPlaced = () => this.changed();
    this.loader.onChange = () => this.changed();
    this.loader.onProblem = (e) => this.failed(e);
  }

  // may reports whether a button that needs a capability is to be seen.
  may(cap: string): boolean { return !this.caller.read_only && this.caller.caps.includes(cap); }
  get person(): boolean { return !this.caller.read_only && this.caller.kind === "person"; }
  get past(): boolean { return this.route.seq > 0; }

  async start(): Promise<void> {
    window.addEventListener("hashchange", () => this.follow(parse(location.hash)));
    this.follow(parse(location.hash));
    try {
      this.caller = await read<Caller>("/session");
    } catch (e) {
      this.failed(e);
      if (!this.denied) setTimeout(() => void this.start(), 3000);
      return;
    }
    this.stream.start();
  }

  // go changes what is shown, as a step that the browser can take back; aside
  // replaces the step instead.
  go(to: Partial<Route>, aside = false): void {
    const hash = format({ ...this.route, ...to });
    if (hash === format(this.route)) return;
    if (aside) history.replaceState(null, "", hash); else history.pushState(null, "", hash);
    this.follow(parse(hash));
  }

  href(to: Partial<Route>): string { return format({ ...this.route, sel: "", why: "", ...to }); }

  private follow(r: Route): void {
    this.route = r;
    const version = versionOf(r), key = `${version} ${r.since} ${r.over}`;
    if (key !== this.shown) {
      this.shown = key;
      void this.turn();
    }
  }

  // turn shows another version, with its differences.
  private async turn(): Promise<void> {
    const r = this.route, version = versionOf(r);
    this.overlayFor = this.shown;
    if (r.view === "system" && !r.since && !r.over) {
      this.overlay = undefined;
      this.loader.show(version, new Map());
      this.changed();
      return;
    }
    this.loader.show(version, new Map());
    await this.compare();
  }

  // compare reads what is different in what is shown: a workspace from what it
  // stands on, a moment from another, or several workspaces from the system.
  private async compare(): Promise<void> {
    const r = this.route, key = this.shown;
    try {
      const marks = new Map<string, Mark>(), ghosts = new Map<string, Change[]>(), changes: Change[] = [];
      const take = (d: DiffAnswer, several: boolean) => {
        for (const c of d.changes) {
          const had = marks.get(c.path), mark = c.change === "moved" ? "changed" : c.change;
          if (had === undefined) { marks.set(c.path, mark); changes.push(c); } else if (several && had !== "conflict") marks.set(c.path, "both");
          // What is shown lacks what was removed from it, and what workspaces over it add.
          if (c.change === (several ? "added" : "removed")) ghosts.set(parentOf(c.path), [...ghosts.get(parentOf(c.path)) ?? [], c]);
        }
        return d.total;
      };
      let total = 0;
      if (r.view !== "system" || r.since) {
        const space = r.view === "system" ? undefined : await this.conflicts(r.view.slice(4), marks);
        total = take(await read<DiffAnswer>("/diff", { from: r.since ? `seq:${r.since}` : space?.base_at, to: versionOf(r) }), false);
      } else for (const id of r.over.split(",").slice(0, over)) {
        const space = await this.conflicts(id, marks);
        total += take(await read<DiffAnswer>("/diff", { from: space.base_at, to: `sws:${id}` }), true);
      }
      if (key !== this.shown) return;
      const below = new Map<string, number>();
      for (const p of marks.keys()) for (const a of ancestors(parentOf(p))) below.set(a, (below.get(a) ?? 0) + 1);
      this.overlay = { marks, below, changes, total };
      const names = (m: Map<string, Change[]>) => [...m.values()].flat().map((c) => c.path).sort().join(" ");
      if (names(ghosts) !== names(this.loader.ghosts)) this.loader.show(versionOf(r), ghosts);
      this.changed();
    } catch (e) { if (key === this.shown) this.failed(e); }
  }

  private async conflicts(id: string, marks: Map<string, Mark>): Promise<Space> {
    const space = await read<Space>(`/sws/${id}`);
    for (const c of space.conflicts ?? []) if (!c.take) marks.set(c.path, "conflict");
    return space;
  }

  // ---- what comes in

  private soon(): void {
    if (this.frame) return;
    this.frame = document.hidden ? window.setTimeout(() => this.drain(), 100) : requestAnimationFrame(() => this.drain());
  }

  private drain(): void {
    this.frame = 0;
    const all = this.waiting;
    this.waiting = [];
    const { view } = this.route;
    for (const r of all) {
      this.newest = r.seq;
      if (this.past) continue;
      const seen = r.view === view ? r : view !== "system" && r.view === "system" ? { ...r, ops: r.ops.filter((op) => inLedger(op.path)) } : undefined;
      if (seen) { this.loader.follow(seen); this.store.apply(seen); }
      if (r.view !== "system") this.loader.touch(`/sws/${r.view.slice(4)}`);
    }
    this.untold.push(...all.slice(-shownRecords));
    this.changed();
    this.tell();
    this.later();
  }

  // tell has numbers and words follow the picture, at once if it was calm: to write
  // them anew in each frame of a busy stream would cost more than the picture does.
  private tell(): void {
    if (this.telling) return;
    const wait = this.told + words - performance.now();
    if (wait > 0) { this.telling = window.setTimeout(() => { this.telling = 0; this.tell(); }, wait); return; }
    this.told = performance.now();
    this.seq = Math.max(this.seq, this.newest);
    if (this.untold.length) this.records = this.records.concat(this.untold).slice(-shownRecords);
    this.untold = [];
  }

  // later reads the lists, and what records left open, once it is quieter.
  private later(): void {
    if (!this.timer) this.timer = window.setTimeout(() => { this.timer = 0; void this.refresh(); }, settle);
  }

  async refresh(): Promise<void> {
    this.loader.again();
    if (this.overlayFor === this.shown && this.overlay && !this.past) void this.compare();
    try {
      const [status, ps, spaces, inbox] = await Promise.all([
        read<Status>("/status"), read<{ processes: Process[] }>("/process"), this.openSpaces(), read<{ inbox: Approval[] }>("/inbox"),
      ]);
      this.status = status;
      this.processes = ps.processes;
      this.spaces = spaces;
      this.inbox = inbox.inbox;
      this.lists++;
      this.problem = "";
    } catch (e) { this.failed(e); }
  }

  // openSpaces lists every workspace, up to ten pages.
  private async openSpaces(): Promise<Space[]> {
    const out: Space[] = [];
    let cursor: string | undefined;
    for (let n = 0; n < 10; n++) {
      const a = await read<{ workspaces: Space[]; next?: string }>("/sws", { limit: 1000, cursor });
      out.push(...a.workspaces);
      if (!(cursor = a.next)) break;
    }
    return out;
  }

  private async tail(): Promise<void> {
    try {
      const a = await read<LogAnswer>("/log", { limit: 200, ops: 20 });
      const newest = a.records[0]?.seq ?? 0;
      this.records = [...a.records.reverse(), ...this.records.filter((r) => r.seq > newest)];
    } catch (e) { this.failed(e); }
  }

  changed(): void { this.picture++; }

  failed(e: unknown): void {
    if (e instanceof Problem && e.status === 401) { this.denied = true; return; }
    this.problem = e instanceof Problem ? [e.message, e.body.hint].filter(Boolean).join(" · ") : String((e as Error).message ?? e);
  }

  // ---- the selected element

  selected(): Item | Link | undefined {
    const { sel } = this.route;
    if (!sel) return undefined;
    return last(sel).edge ? this.store.link(sel) : this.store.item(sel);
  }
}
