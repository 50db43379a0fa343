// A daemon of its own in a folder of its own, spoken to by the command line and
// over its socket, and pages of it.
import { execFile, spawn } from "node:child_process";
import { cpSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { tmpdir } from "node:os";

// patience is how long is waited for what has to come: no test that succeeds depends
// on it.
export const patience = 120_000;

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));

// bench runs bench's program, which is a module of its own.
export const bench = (...args) => run("go", ["run", ".", ...args], { cwd: join(root, "bench") });

export class World {
  // begin starts a daemon; fill, if there is one, puts something into its data folder before.
  static async begin({ fill } = {}) {
    const w = new World();
    w.dir = mkdtempSync(join(tmpdir(), "jitos-viewer-"));
    w.jitos = process.env.JITOS ?? join(w.dir, "jitos");
    if (!process.env.JITOS) await run("go", ["build", "-o", w.jitos, "./cmd/jitos"], { cwd: root });
    w.socket = join(w.dir, "jitos.sock");
    await fill?.(join(w.dir, "data"));
    w.daemon = spawn(w.jitos, ["daemon", "--data", join(w.dir, "data"), "--listen", `unix:${w.socket}`], { stdio: "ignore", env: w.env() });
    await until(async () => (await w.cli("status")).length > 0, "the daemon answers");
    return w;
  }

  env(more = {}) { return { ...process.env, JITOS_SOCKET: this.socket, XDG_STATE_HOME: join(this.dir, "state"), XDG_DATA_HOME: join(this.dir, "share"), XDG_CONFIG_HOME: join(this.dir, "config"), ...more }; }

  async cli(...args) { return (await run(this.jitos, args, { env: this.env(), cwd: this.dir })).stdout; }

  // call speaks to the daemon as its owner; it returns status and JSON.
  call(method, path, body) {
    const secret = readFileSync(`${this.socket}.secret`, "utf8").trim();
    return new Promise((ok, failed) => {
      const r = request({ socketPath: this.socket, method, path, headers: { Authorization: `Bearer ${secret}`, "Jitos-Caller": "ada@host", "Content-Type": "application/json" } }, (a) => {
        let text = "";
        a.on("data", (d) => { text += d; });
        a.on("end", () => ok({ status: a.statusCode, body: text ? JSON.parse(text) : undefined }));
      });
      r.on("error", failed);
      r.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async rewrite(ops, view = "system") {
    const a = await this.call("POST", "/rewrite", { view, ops });
    if (a.status !== 200) throw new Error(JSON.stringify(a.body));
    return a.body.seq;
  }

  async repository(archive) {
    const at = join(this.dir, "AuthService"), text = readFileSync(join(root, archive), "utf8");
    for (const [, name, data] of text.matchAll(/^-- (\S+) --\n([\s\S]*?)(?=^-- \S+ --$|$(?![\s\S]))/gm)) {
      mkdirSync(dirname(join(at, name)), { recursive: true });
      writeFileSync(join(at, name), data);
    }
    const env = { ...process.env, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
    for (const a of [["init", "-q", "-b", "main"], ["add", "."], ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-q", "-m", "Issue and verify tokens"]]) await run("git", a, { cwd: at, env });
    return at;
  }

  // view runs jitos view and returns the address that it prints.
  async view({ args = [], env = {} } = {}) {
    const p = spawn(this.jitos, ["view", "-o", "json", ...args], { stdio: ["ignore", "pipe", "ignore"], env: this.env(env) });
    (this.views ??= []).push(p);
    let text = "";
    p.stdout.on("data", (d) => { text += d; });
    await until(() => text.includes("}"), "jitos view prints an address");
    return JSON.parse(text).url;
  }

  // wire stands between jitos view and the daemon, and can be cut.
  async wire() {
    const path = join(this.dir, "wire.sock"), open = new Set(), self = { refusing: false };
    cpSync(`${this.socket}.secret`, `${path}.secret`);
    const server = createServer((a) => {
      if (self.refusing) { a.destroy(); return; }
      const b = connect(this.socket);
      open.add(a);
      a.on("close", () => { open.delete(a); b.destroy(); });
      a.on("error", () => {});
      b.on("error", () => a.destroy());
      b.on("close", () => a.destroy());
      a.pipe(b).pipe(a);
    });
    await new Promise((ok) => server.listen(path, ok));
    (this.servers ??= []).push(server);
    return { env: { JITOS_SOCKET: path }, cut: () => { for (const s of open) s.destroy(); }, refuse: (yes) => { self.refusing = yes; if (yes) for (const s of open) s.destroy(); } };
  }

  async end() {
    for (const p of this.views ?? []) p.kill();
    for (const s of this.servers ?? []) s.close();
    const gone = new Promise((ok) => this.daemon.on("exit", ok));
    this.daemon.kill();
    await gone;
    rmSync(this.dir, { recursive: true, force: true });
  }
}

// until waits for a condition.
export async function until(what, name, most = patience) {
  const end = Date.now() + most;
  for (let last; ;) {
    try { if (await what()) return; } catch (e) { last = e; }
    if (Date.now() > end) throw new Error(`${name}: not within ${most} ms${last ? `: ${last.message}` : ""}`);
    await new Promise((ok) => setTimeout(ok, 50));
  }
}
