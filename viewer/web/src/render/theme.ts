// Colours and words of the picture. Colour never stands alone: states have words,
// marks have signs and outlines of their own.
import type { Item, Mark } from "../model/store.ts";

export interface KindStyle { fill: string; line: string; pixel: number }
export interface Theme {
  dark: boolean; ground: string; text: string; soft: string; line: string; accent: string; edge: string; edgePixel: number; edgeHead: number; groundPixel: number; panel: string;
  marks: Record<Exclude<Mark, "">, { line: string; sign: string; dash: number[]; pixel: number }>;
  tones: Record<Tone, string>;
  kind(kind: string): KindStyle;
}
export type Tone = "good" | "bad" | "busy" | "still";

const named: Record<string, number> = { Dir: 215, File: 195, Process: 265, Task: 250, Attempt: 285, Workspace: 35, Evidence: 150, Worker: 320 };

function hueOf(kind: string): number {
  let h = 2166136261;
  for (let i = 0; i < kind.length; i++) h = Math.imul(h ^ kind.charCodeAt(i), 16777619) >>> 0;
  return named[kind] ?? (h % 24) * 15;
}

// rgb turns hsl into a pixel as canvases have them (little endian ABGR).
function pixel(h: number, s: number, l: number, a = 255): number {
  const f = (n: number) => { const k = (n + h / 30) % 12; return Math.round(255 * (l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1)))); };
  return ((a << 24) | (f(4) << 16) | (f(8) << 8) | f(0)) >>> 0;
}

export function theme(dark: boolean): Theme {
  const kinds = new Map<string, KindStyle>();
  const m = (hue: number, sign: string, dash: number[]) => ({ line: `hsl(${hue} ${dark ? 70 : 75}% ${dark ? 62 : 32}%)`, sign, dash, pixel: pixel(hue, 0.75, dark ? 0.6 : 0.38) });
  return {
    dark,
    ground: dark ? "#15171a" : "#fbfbfa", panel: dark ? "#1d2024" : "#ffffff",
    text: dark ? "#e6e7e9" : "#1c1e21", soft: dark ? "#a2a8b0" : "#5a5f66", line: dark ? "#353a41" : "#d0d0cb",
    accent: dark ? "#7db5ff" : "#0b57b0", edge: dark ? "#767d87" : "#8a9099", edgePixel: pixel(215, 0.06, dark ? 0.36 : 0.72), edgeHead: pixel(215, 0.06, dark ? 0.55 : 0.5), groundPixel: dark ? 0xff1a1715 : 0xfffafbfb,
    marks: {
      added: m(140, "+", []), changed: m(210, "~", [6, 3]), removed: m(5, "−", [2, 3]), conflict: m(320, "!", [10, 2, 2, 2]), both: m(35, "≈", [8, 3]),
    },
    tones: dark ? { good: "#6fd08b", bad: "#ff8f85", busy: "#f0bf5a", still: "#a2a8b0" } : { good: "#17692f", bad: "#a8201a", busy: "#7a5200", still: "#5a5f66" },
    kind(kind) {
      let k = kinds.get(kind);
      if (!k) {
        const h = hueOf(kind);
        k = dark ? { fill: `hsl(${h} 28% 21%)`, line: `hsl(${h} 38% 52%)`, pixel: pixel(h, 0.38, 0.5) } : { fill: `hsl(${h} 60% 94%)`, line: `hsl(${h} 38% 48%)`, pixel: pixel(h, 0.38, 0.6) };
        kinds.set(kind, k);
      }
      return k;
    },
  };
}

const tones: Record<string, Tone> = {
  landed: "good", answered: "good", collapsed: "good", ok: "good", nothing: "good", green: "good", approved: "good",
  failed: "bad", unlanded: "bad", interrupted: "bad", red: "bad", rejected: "bad", conflict: "bad",
  open: "busy", running: "busy", proving: "busy", ready: "busy", planned: "busy", waiting: "busy",
};
export const toneOf = (state: string | undefined): Tone => tones[state ?? ""] ?? "still";

// stateOf says how an element of the ledger stands, in a word; "" of others.
export function stateOf(i: Item): string {
  const p = i.props;
  switch (i.kind) {
    case "Workspace": return p.collapsed ? "collapsed" : p.discarded ? "discarded" : "open";
    case "Process": return p.landed ? "landed" : p.unlanded ? "unlanded" : p.cancelled ? "cancelled" : p.answer ? "answered" : p.failed || p.code ? "failed" : p.collapse ? "collapsed" : p.ended_ms ? "ended" : "running";
    case "Attempt": return typeof p.result === "string" ? p.result : "running";
    case "Evidence": return typeof p.evidence === "string" ? (p.evidence.includes('"green":true') ? "green" : "red") : "";
  }
  return "";
}
