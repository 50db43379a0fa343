// Values of props in words.
import type { Value } from "../api/types.ts";

export const isRef = (v: Value | undefined): v is { $ref: string } => typeof v === "object" && v !== null && !Array.isArray(v) && typeof v.$ref === "string";
export const isBlob = (v: Value | undefined): v is { $blob: string; size: number } => typeof v === "object" && v !== null && !Array.isArray(v) && typeof v.$blob === "string";

// words writes a value for people: short, on one line.
export function words(v: Value | undefined): string {
  if (v === undefined || v === null) return "";
  if (typeof v === "string") return v;
  if (isRef(v)) return v.$ref;
  if (isBlob(v)) return `${v.$blob.slice(0, 10)} · ${bytes(v.size)}`;
  if (typeof v === "object" && !Array.isArray(v)) {
    if (typeof v.$int === "string") return v.$int;
    if (typeof v.$float === "string") return v.$float;
    if (typeof v.$bytes === "string") return `${v.$bytes.length} bytes`;
  }
  if (Array.isArray(v)) return v.map(words).join(", ");
  return JSON.stringify(v);
}

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  return n < 1 << 20 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / (1 << 20)).toFixed(1)} MiB`;
}

export function lasting(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`;
}

export const clock = (at: string | undefined): string => (at ? new Date(at).toLocaleTimeString() : "");
export const short = (hash: string | undefined): string => (hash ? hash.slice(0, 10) : "");
