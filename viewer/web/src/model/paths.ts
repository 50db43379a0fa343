// Paths in the daemon's escaped form (rmg/path.go): an edge's segment begins
// with ~, odd bytes are %XX.
//
// An id is bytes. Those that are not UTF-8 are held in a string as U+DC80 to U+DCFF,
// which stand alone nowhere else.
import type { WireEdge, WireGraph, WireID } from "../api/types.ts";

const bare = (c: number) => c >= 0xdc80 && c <= 0xdcff;

// text reads bytes as UTF-8, and holds those that are none.
function text(bytes: Uint8Array): string {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let out = "";
  for (let i = 0; i < bytes.length;) {
    const b = bytes[i]!, size = b < 0x80 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
    try {
      out += strict.decode(bytes.subarray(i, i + size));
      i += size;
    } catch {
      out += String.fromCharCode(0xdc00 + b);
      i++;
    }
  }
  return out;
}

// plainID reads an id as JSON says it (rmg/id.go).
export function plainID(id: WireID): string {
  return typeof id === "string" ? id : text(Uint8Array.from(atob(id.$bytes), (c) => c.charCodeAt(0)));
}

// plain reads the ids of a graph, in their place.
export function plain(g: WireGraph): WireGraph {
  for (const list of [g.nodes, g.edges]) for (const e of list as WireEdge[]) {
    e.id = plainID(e.id);
    if (e.from !== undefined) { e.from = plainID(e.from); e.to = plainID(e.to); }
    if (e.graph) plain(e.graph);
  }
  return g;
}

const hex = (c: number) => `%${c < 16 ? "0" : ""}${c.toString(16).toUpperCase()}`;

// segment escapes an id.
export function segment(id: string, edge = false): string {
  let out = edge ? "~" : "";
  const colon = /:\d+$/.exec(id)?.index ?? -1;
  for (let i = 0; i < id.length; i++) {
    const c = id.charCodeAt(i);
    if (c >= 0xd800 && c <= 0xdbff) { // the first half of a pair, whose second looks bare
      out += id[i]! + (id[++i] ?? "");
      continue;
    }
    if (bare(c)) {
      out += hex(c - 0xdc00);
      continue;
    }
    const odd = c < 0x20 || c === 0x7f || c === 0x25 || c === 0x2f || (c === 0x7e && i === 0) || i === colon;
    out += odd ? hex(c) : id[i];
  }
  return out;
}

export function join(parent: string, id: string, edge = false): string {
  return parent === "/" ? `/${segment(id, edge)}` : `${parent}/${segment(id, edge)}`;
}

export function parentOf(path: string): string {
  const cut = path.lastIndexOf("/");
  return cut <= 0 ? "/" : path.slice(0, cut);
}

// last reads the id of a path's last segment, and whether it is an edge's.
export function last(path: string): { id: string; edge: boolean } {
  const s = path.slice(path.lastIndexOf("/") + 1);
  const edge = s.startsWith("~");
  const raw = edge ? s.slice(1) : s;
  if (!raw.includes("%")) return { id: raw, edge };
  const bytes: number[] = [];
  for (const part of raw.split(/(%[0-9A-Fa-f]{2})/)) {
    if (part.startsWith("%")) bytes.push(parseInt(part.slice(1), 16));
    else bytes.push(...new TextEncoder().encode(part));
  }
  return { id: text(Uint8Array.from(bytes)), edge };
}

// ancestors lists a path's containers from the root on, itself last.
export function ancestors(path: string): string[] {
  const out = ["/"];
  if (path === "/") return out;
  for (let i = path.indexOf("/", 1); i > 0; i = path.indexOf("/", i + 1)) out.push(path.slice(0, i));
  out.push(path);
  return out;
}

export function within(path: string, place: string): boolean {
  return place === "/" || path === place || path.startsWith(`${place}/`);
}

// literal writes a path so that a selector means it and nothing else.
export const literal = (path: string): string => path.replaceAll(/[*?[\]<>]/g, (c) => hex(c.charCodeAt(0)));
