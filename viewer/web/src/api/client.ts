// Calls of the daemon. The session's cookie goes along by itself; the page holds
// no secret and no right of its own.
import type { ProblemBody } from "./types.ts";

// Problem is a refusal, in the daemon's words.
export class Problem extends Error {
  readonly status: number;
  readonly body: ProblemBody;
  constructor(status: number, body: ProblemBody) {
    super(body.detail);
    this.status = status;
    this.body = body;
  }
}

export type Query = { [name: string]: string | number | boolean | undefined };

export function url(path: string, query: Query = {}): string {
  const q = new URLSearchParams();
  for (const [name, v] of Object.entries(query)) if (v !== undefined && v !== "") q.set(name, String(v));
  const text = q.toString();
  return text ? `${path}?${text}` : path;
}

async function answer<T>(r: Response): Promise<T> {
  if (r.ok) return r.json() as Promise<T>;
  const body = await r.json().catch(() => ({ detail: `${r.status} ${r.statusText}` })) as ProblemBody;
  throw new Problem(r.status, body);
}

// read asks; it throws a Problem, or a TypeError when nobody answers.
export async function read<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return answer<T>(await fetch(url(path, query), { signal: signal ?? null, headers: { Accept: "application/json" } }));
}

// act has something done. key makes it safe to send again.
export async function act<T>(path: string, body: unknown = {}, key?: string): Promise<T> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (key) headers["Idempotency-Key"] = key;
  return answer<T>(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

const maxText = 1 << 20; // bytes of content that are shown as text

export interface Content { text: string; binary: boolean; size: number }

// content reads a blob as text; what is not UTF-8, or too long, is binary.
export async function content(sum: string, size: number): Promise<Content> {
  if (size > maxText) return { text: "", binary: true, size };
  const r = await fetch(`/blob/${sum}`);
  if (!r.ok) await answer(r);
  const bytes = await r.arrayBuffer();
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), binary: false, size };
  } catch {
    return { text: "", binary: true, size };
  }
}
