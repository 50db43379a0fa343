// What is shown, as the address tells it: a link shows another person the same.

export type Tab = "graph" | "workspaces" | "processes" | "inbox" | "log" | "rules";
export const tabs: Tab[] = ["graph", "workspaces", "processes", "inbox", "log", "rules"];

export interface Route {
  tab: Tab;
  path: string; // of the container that is open
  id: string; // of the process or workspace that is open
  view: string; // "system" or "sws:w4"
  seq: number; // 0: follow what comes
  since: number; // 0, or the seq that differences are shown from
  over: string; // workspaces that are laid over the system: "w4,w7"
  sel: string; // path of the selected element
  why: string; // "PATH", "PATH:LINE" or "PATH#PROP" that is explained
  tree: boolean; // the text twin instead of the picture
  find: string; // selector
}

export const home: Route = { tab: "graph", path: "/", id: "", view: "system", seq: 0, since: 0, over: "", sel: "", why: "", tree: false, find: "" };

export function parse(hash: string): Route {
  const [place = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  const parts = place.split("/").filter(Boolean), q = new URLSearchParams(query);
  const tab = tabs.find((t) => t === parts[0]) ?? "graph";
  const number = (name: string) => { const n = Number(q.get(name)); return Number.isSafeInteger(n) && n > 0 ? n : 0; };
  const view = q.get("view") ?? "system";
  return {
    tab, path: tab === "graph" ? canonical(parts.slice(1)) : "/", id: tab === "graph" ? "" : parts[1] ?? "",
    view: /^(system|sws:w\d+)$/.test(view) ? view : "system", seq: number("seq"), since: number("since"),
    over: /^w\d+(,w\d+)*$/.test(q.get("over") ?? "") ? q.get("over")! : "", sel: q.get("sel") ?? "", why: q.get("why") ?? "", tree: q.get("as") === "tree", find: q.get("find") ?? "",
  };
}

// canonical reads the segments of a path, which the address escapes once more.
function canonical(parts: string[]): string {
  return `/${parts.map((p) => { try { return decodeURIComponent(p).replaceAll("/", "%2F"); } catch { return p; } }).join("/")}`;
}

export function format(r: Route): string {
  const q = new URLSearchParams();
  if (r.view !== "system") q.set("view", r.view);
  if (r.seq) q.set("seq", String(r.seq));
  if (r.since) q.set("since", String(r.since));
  if (r.over) q.set("over", r.over);
  if (r.sel) q.set("sel", r.sel);
  if (r.why) q.set("why", r.why);
  if (r.tree) q.set("as", "tree");
  if (r.find) q.set("find", r.find);
  const place = r.tab === "graph" ? r.path.split("/").map(encodeURIComponent).join("/") : r.id ? `/${r.id}` : "";
  const query = q.toString();
  return `#/${r.tab}${place === "/" ? "" : place}${query ? `?${query}` : ""}`;
}

// versionOf names the version that a route shows, as the daemon's calls take it.
export function versionOf(r: Pick<Route, "view" | "seq">): string {
  if (!r.seq) return r.view;
  return r.view === "system" ? `seq:${r.seq}` : `${r.view}@${r.seq}`;
}
