// Serves the bundle alone, under the daemon's policy, for the gallery.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";

// DIST names the folder of another build, to be measured beside this one.
const dist = process.env.DIST ? new URL(`file://${process.env.DIST}/`) : new URL("../../dist/", import.meta.url);
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

export async function serve() {
  const server = createServer(async (q, r) => {
    const name = new URL(q.url, "http://x").pathname.replace(/^\/gallery$/, "/gallery.html").slice(1) || "index.html";
    try {
      const data = await readFile(new URL(name, dist));
      r.writeHead(200, { "Content-Type": types[extname(name)] ?? "text/plain", "Content-Security-Policy": "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'" });
      r.end(data);
    } catch { r.writeHead(404).end(); }
  });
  await new Promise((ok) => server.listen(0, "127.0.0.1", ok));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
