// The moments of a whole history that are worth a mark. They are read off the lists of
// processes and workspaces, which tell seqs however long the log is, and off the newest
// records for what no list tells.
import type { Process, Rec, Space } from "../api/types.ts";

export type Sort = "collapse" | "failure" | "person";
export interface Moment { seq: number; sort: Sort; text: string }

const most = 4000; // marks of one sort: of more the newest

const person = (owner: string) => owner.includes("@");

// moments lists them by seq, one of a sort at each.
export function moments(processes: readonly Process[], spaces: readonly Space[], records: readonly Rec[]): Moment[] {
  const out = new Map<string, Moment>(), add = (seq: number | undefined, sort: Sort, text: string) => { if (seq) out.set(`${seq} ${sort}`, { seq, sort, text }); };
  const by = new Map(spaces.map((w) => [w.id, w]));
  for (const r of records) {
    const sort = /^collapse of /.test(r.reason) ? "collapse" : /\b(failed|evicted|unlanded|interrupted)\b/.test(r.reason) ? "failure" : person(r.author) ? "person" : undefined;
    if (sort) add(r.seq, sort, `${r.author}: ${r.reason}`);
  }
  for (const w of spaces) {
    const collapsed = /^seq (\d+)$/.exec(w.outcome ?? "");
    if (w.state === "collapsed" && collapsed) add(Number(collapsed[1]), "collapse", `${w.id} ${w.reason ?? ""}`);
    if (!w.process && person(w.owner)) add(numberOf(w.id), "person", `${w.owner}: ${w.id} ${w.reason ?? ""}`);
  }
  for (const p of processes) {
    add(p.collapse, "collapse", `${p.id} ${p.text}`);
    if (person(p.owner)) add(numberOf(p.id), "person", `${p.owner}: ${p.text}`);
    if (p.undone_by) add(p.undone_by, "person", `${p.id} undone`);
    // No list tells when a process failed: it is marked where its workspace was written last.
    if (["failed", "unlanded", "interrupted"].includes(p.status)) add(p.collapse ?? by.get(p.sws ?? "")?.head ?? numberOf(p.id), "failure", `${p.id} ${p.reason ?? p.status}`);
  }
  const all = [...out.values()].sort((a, b) => a.seq - b.seq);
  const counts = { collapse: 0, failure: 0, person: 0 };
  return all.reverse().filter((m) => ++counts[m.sort] <= most).reverse();
}

// numberOf is the seq that an id was made at: of p12 that is 12.
const numberOf = (id: string): number => Number(/^[a-z]+(\d+)$/.exec(id)?.[1] ?? 0);
