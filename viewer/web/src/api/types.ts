// The JSON of the wire (net/wire), as far as the viewer reads it. GET
// /openapi.json is the contract; fields are only ever added to it.

export type Value = null | boolean | number | string | Value[] | { [name: string]: Value };
export type Props = { [name: string]: Value };

// An id that is not UTF-8 comes as bytes. What reads graphs and ops off the wire makes
// them strings (model/paths.ts), so that the types below say string.
export type WireID = string | { $bytes: string };

export interface Counts { nodes: number; edges: number }
export interface WireNode { id: string; kind: string; props: Props; inner?: Counts; graph?: WireGraph }
export interface WireEdge extends WireNode { from: string; to: string }
export interface WireGraph { nodes: WireNode[]; edges: WireEdge[]; truncated?: boolean }
export interface GraphAnswer {
  view: string; seq: number; digest: string; path: string;
  element: { id: string; kind: string; from?: string; to?: string; props: Props };
  graph?: WireGraph; next?: string;
}
export interface Match { path: string; id: string; kind: string; from?: string; to?: string; props: Props }
export interface SelectAnswer { view: string; seq: number; select: string; matches: Match[]; next?: string }

export interface Op {
  op: string; path: string; kind?: string; from?: string; to?: string; props?: Props; prop?: string; by?: number;
  value?: Value; blob?: string; size?: number; mode?: string; text?: string; base64?: string;
}
export interface Rec {
  seq: number; tick: number; at: string; view: string; author: string; cause: string; reason: string;
  ops: Op[]; ops_omitted?: number;
}
export interface LogAnswer { records: Rec[]; next?: number }

export type ChangeKind = "added" | "removed" | "changed" | "moved";
export interface Change {
  path: string; change: ChangeKind; from?: string; kind?: { old?: string; new?: string }; ends?: { from: string; to: string };
  props: { [name: string]: { old?: Value; new?: Value } };
}
export interface DiffAnswer { from: string; to: string; changes: Change[]; total: number; truncated?: boolean }

export interface Conflict {
  path: string; prop?: string; kind: string; reason: string; base?: Value; system?: Value; workspace?: Value;
  system_by?: string; workspace_by?: string;
}
export interface SpaceConflict extends Conflict { id: string; take?: string; value?: Value; by?: string }
export interface Space {
  id: string; state: "open" | "collapsed" | "discarded"; from: string; base: number; base_at: string; head: number;
  owner: string; process?: string; cause?: string; reason?: string; outcome?: string; records: number; ops: number; bytes: number;
  changes?: number; at?: string; private?: boolean; frozen?: string; onto?: string; open_conflicts?: number;
  wrote?: string[]; conflicts?: SpaceConflict[];
}
export interface Evidence {
  gate: string; kind: string; green: boolean; reason: string; key: string; argv?: string[]; exit: number; timed_out?: boolean;
  millis: number; output?: string; tests?: { package: string; name: string; state?: string; result?: string }[]; tools?: string;
  sandbox: { tier: string; network: string }; reused?: boolean;
}
export interface Task {
  id: string; name: string; summary?: string; worker: string; action: string; needs?: string[];
  state?: string; attempts?: number; outcome?: string; reasons?: string[]; output?: Props;
}
export interface Plan {
  goal: string; tasks: Task[]; reasons?: { task: string; method: string; because?: string; rejected?: { method: string; because: string }[] }[];
  success_criteria?: { type: string; name: string; value: string }[]; digest: string;
}
export interface Approval {
  id: string; about: string; state: string; process?: string; sws: string; question: string; digest: string;
  asked?: { verb: string; path: string; rule?: string; why?: string }[]; more?: number; conflicts?: Conflict[]; next?: string;
  at?: string; answer?: string; by?: string; comment?: string; changes?: FileChange[];
}
export interface Hunk { n: number; old_line: number; line: number; old?: string; new?: string }
export interface FileChange { path: string; name: string; change: "added" | "removed" | "changed"; whole?: boolean; now?: string; cut?: boolean; hunks: Hunk[] }
// What an answer changes in what it approves.
export interface Amendments { reject: { file: string; n?: number }[]; edit: { file: string; text: string }[] }
export interface Process {
  id: string; status: string; reason?: string; next?: string; code?: string; text: string; slaps?: Value; plan?: Plan; owner: string;
  repo?: string; branch?: string; top?: string; base?: string; sws?: string; rights?: Value; tasks: Task[]; evidence?: Evidence[];
  collapse?: number; undone_by?: number; commit?: string; landed_on?: string; rounds?: number; isolation?: string;
  evicted?: { reason: string; beaten?: number; beaten_by?: string }; lanes?: { n: number; sws: string; state: string; outcome?: string }[];
  spent?: { records: number; bytes: number; tokens?: number; money_micros?: number };
  started?: string; ended?: string; approvals?: Approval[]; tool_ms: number;
}
export interface Line { n: number; at?: string; task?: string; text: string }
export interface Why {
  path: string; prop?: string; line?: number; text?: string; origin?: string; origin_line?: number;
  chain: {
    kind: string; seq: number; at?: string; author: string; cause?: string; text: string; process?: string; sws?: string; task?: string;
    attempt?: number; worker?: string; model?: string; prompt?: string; commit?: string; evidence?: Evidence[];
  }[];
}
export interface Status {
  version: string; seq: number; world: string; records: number; workspaces: number; processes: number; running: number;
  read_only?: string; epoch: number;
}
export interface Caller { name: string; kind: string; caps: string[]; read_only?: boolean }
export interface Method { name: string; task: string; summary: string; phrases?: string[]; steps?: string[]; file?: string; source?: string }
export interface Rule {
  name: string; doc?: string; at: string; deep?: boolean; priority?: number; reactive?: boolean; on?: boolean; off?: string;
  by?: string; since?: number; fired?: number; last?: number;
}
export interface Policy {
  yaml: string; own: boolean; broken?: string;
  rules: { name: string; effect: string; verbs: string[]; paths?: string[]; kinds?: string[]; when?: string; reason?: string; default?: boolean }[];
}
export interface ProblemBody {
  detail: string; code: string; hint?: string; status: number; title: string; conflicts?: Conflict[]; evidence?: Evidence[];
  violations?: { path?: string; message?: string }[]; nearest?: string[];
}
