// The MCP server as a client sees it that shares no code with it: the TypeScript
// SDK, which holds every structured answer to the output schema it was told.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "jm"));
const socket = join(dir, "s"), app = join(dir, "app");
const jitos = process.env.JITOS ?? join(dir, "jitos");
const env = { ...process.env, JITOS_SOCKET: socket, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
let daemon, bridge;

before(async () => {
  if (!process.env.JITOS) execFileSync("go", ["build", "-o", jitos, "./cmd/jitos"], { cwd: root });
  daemon = spawn(jitos, ["daemon", "--data", join(dir, "data"), "--listen", `unix:${socket}`], { stdio: ["ignore", "ignore", "pipe"], env });
  // The daemon says when it serves; its log goes on and has to be read.
  await new Promise((ok, failed) => {
    let log = "";
    daemon.stderr.on("data", (d) => { if ((log += d).includes("msg=serving")) ok(); });
    daemon.on("exit", () => failed(new Error(log)));
  });
  execFileSync("git", ["init", "-q", "-b", "main", app], { env });
  writeFileSync(join(app, "note.txt"), "one\n");
  execFileSync("git", ["add", "."], { cwd: app, env });
  execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-qm", "first"], { cwd: app, env });
  // The SDK speaks to hosts and ports; the daemon listens on a socket.
  bridge = createServer((c) => {
    const s = connect(socket);
    c.pipe(s).pipe(c);
    c.on("error", () => s.destroy());
    s.on("error", () => c.destroy());
  });
  await new Promise((ok) => bridge.listen(0, "127.0.0.1", ok));
});

after(async () => {
  bridge?.close();
  if (daemon && daemon.exitCode === null) {
    const ended = new Promise((ok) => daemon.on("exit", ok));
    daemon.kill();
    await ended;
  }
  rmSync(dir, { recursive: true, force: true });
});

const transports = {
  stdio: () => new StdioClientTransport({ command: jitos, args: ["mcp"], cwd: app, env, stderr: "inherit" }),
  http: () => new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${bridge.address().port}/mcp`), {
    requestInit: { headers: { Authorization: `Bearer ${readFileSync(`${socket}.secret`, "utf8").trim()}`, "Jitos-Caller": "ada@host" } },
  }),
};

for (const [name, transport] of Object.entries(transports)) {
  test(`work in a workspace over ${name}`, async () => {
    const c = new Client({ name: `second-${name}`, version: "1" });
    await c.connect(transport());
    try {
      const { tools } = await c.listTools();
      assert.equal(tools.length, 24);
      const use = async (tool, args = {}) => {
        const r = await c.callTool({ name: tool, arguments: args });
        assert.ok(!r.isError, `${tool}: ${r.content[0]?.text}`);
        return r.structuredContent;
      };
      const refused = await c.callTool({ name: "file_read", arguments: { path: "note.txt" } });
      assert.ok(refused.isError);
      assert.match(refused.content[0].text, /^invalid: .*\nnext: workspace_create/);

      const { workspace } = await use("workspace_create", { repo: app, reason: name });
      assert.equal((await use("file_read", { path: "note.txt" })).text, "one\n");

      const uri = `jitos://${workspace}/repo/app/main/note.txt`;
      const told = new Promise((ok) => c.setNotificationHandler(ResourceUpdatedNotificationSchema, (n) => ok(n.params.uri)));
      await c.subscribeResource({ uri });
      await use("file_edit", { path: "note.txt", old: "one", new: "two" });
      assert.equal(await told, uri);
      assert.equal((await c.readResource({ uri })).contents[0].text, "two\n");
      assert.equal(readFileSync(join(app, "note.txt"), "utf8"), "one\n");

      const lines = [];
      const ran = await c.callTool({ name: "run_command", arguments: { command: "cat note.txt" } }, undefined, { onprogress: (p) => lines.push(p.message) });
      assert.deepEqual(ran.structuredContent, { exit: 0, output: "two\n" });
      assert.deepEqual(lines, ["two"]);
      assert.match((await use("workspace_diff")).patch, /^-one$[^]*^\+two$/m);
      await use("graph_query", { path: "/", depth: 2 });
      await use("workspace_list");
      await use("workspace_log");
      await use("process_show");
      await use("inbox_list");
      await use("why", { path: "note.txt", line: 1 });
      await use("file_list");
      await use("file_search", { pattern: "t.o" });
      const { prompts } = await c.listPrompts();
      assert.equal(prompts.length, 5);
      await use("workspace_discard", { reason: "only a test" });
    } finally {
      await c.close();
    }
  });
}
