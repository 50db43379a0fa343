// Layers big containers off the page's own thread.
import { layered } from "./cells.ts";

export interface Ask { id: number; n: number; ties: Int32Array }

self.onmessage = (m: MessageEvent<Ask>) => {
  const cells = layered(m.data.n, m.data.ties);
  (self as unknown as Worker).postMessage({ id: m.data.id, cells }, [cells.buffer]);
};
