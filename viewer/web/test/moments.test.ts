import assert from "node:assert/strict";
import { test } from "node:test";
import type { Process, Rec, Space } from "../src/api/types.ts";
import { moments } from "../src/model/moments.ts";

const space = (id: string, more: Partial<Space>): Space => ({ id, state: "open", from: "system", base: 1, base_at: "seq:1", head: 2, owner: "worker:x", records: 0, ops: 0, bytes: 0, ...more });
const process = (id: string, more: Partial<Process>): Process => ({ id, status: "landed", text: "do it", owner: "ada@host", tasks: [], tool_ms: 0, ...more });
const rec = (seq: number, author: string, reason: string): Rec => ({ seq, tick: 1, at: "", view: "system", author, cause: "", reason, ops: [] });

test("what is worth a mark is known however long ago it was", () => {
  const all = moments(
    [process("p12", { collapse: 90, undone_by: 120 }), process("p200", { status: "failed", sws: "w201" }), process("p300", { owner: "token:ci", status: "running" })],
    [space("w13", { process: "p12", state: "collapsed", outcome: "seq 90" }), space("w40", { owner: "bob@host", state: "collapsed", outcome: "seq 77" }), space("w201", { process: "p200", head: 250 }), space("w50", { state: "discarded", outcome: "seq of nothing" })],
    [rec(1_000_000, "ada@host", ""), rec(1_000_001, "git", "sync"), rec(1_000_002, "kernel", "collapse of w9"), rec(1_000_003, "kernel", "task failed")],
  );
  assert.deepEqual(all.map((m) => `${m.seq} ${m.sort}`), ["12 person", "40 person", "77 collapse", "90 collapse", "120 person", "200 person", "250 failure", "1000000 person", "1000002 collapse", "1000003 failure"]);
});

test("of too many marks of a sort the newest stay", () => {
  const many = moments([], [], [...Array.from({ length: 5000 }, (_, i) => rec(i + 1, "ada@host", "")), rec(6000, "kernel", "collapse of w1")]);
  assert.deepEqual([many.length, many[0]!.seq, many.at(-1)!.seq], [4001, 1001, 6000]);
});
