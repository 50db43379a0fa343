// What somebody pinned, by path. It is theirs, and stays in their browser.
const key = "jitos.pins";
const most = 100;

export const pins = {
  load(): Set<string> {
    try {
      const list: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
      return new Set(Array.isArray(list) ? list.filter((p): p is string => typeof p === "string") : []);
    } catch { return new Set(); }
  },
  save(pinned: ReadonlySet<string>): void {
    try { localStorage.setItem(key, JSON.stringify([...pinned].slice(-most))); } catch { /* it is not to be had: they are forgotten with the page */ }
  },
};
