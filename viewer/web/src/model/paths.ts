// Paths in the daemon's escaped form (rmg/path.go): an edge's segment begins
// with ~, odd bytes are %XX.

const hex = (c: number) => `%${c < 16 ? "0" : ""}${c.toString(16).toUpperCase()}`;

// segment escapes an id.
export function segment(id: string, edge = false): string {
  let out = edge ? "~" : "";
  const colon = /:\d+$/.exec(id)?.index ?? -1;
  for (let i = 0; i < id.length; i++) {
    const c = id.charCodeAt(i);
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
  try {
    return { id: decodeURIComponent(raw), edge };
  } catch {
    return { id: raw, edge }; // bytes that are no text: shown as they are escaped
  }
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
