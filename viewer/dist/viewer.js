// The first page: processes, workspaces, and records as they come. It only
// reads. What the daemon says is put on the page as text, never as markup.
"use strict";

const shownRecords = 200; // records kept on the page
const shownOps = 4;       // ops shown of each
const settle = 250;       // ms that changes are gathered before the lists are read again

const $ = (id) => document.getElementById(id);

// el makes an element; strings become text.
function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== null && value !== false) e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.filter((c) => c !== undefined && c !== null && c !== ""));
  return e;
}

async function read(url) {
  const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  const error = new Error(problem.detail || `${url}: ${answer.status}`);
  error.status = answer.status;
  throw error;
}

function notice(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text || "";
}

const tones = {
  landed: "good", collapsed: "good", ok: "good", nothing: "good", open: "busy",
  failed: "bad", unlanded: "bad", interrupted: "bad",
  running: "busy", proving: "busy", ready: "busy", planned: "busy",
};
const tone = (state) => tones[state] || "still";
const badge = (state) => el("span", { class: `badge ${tone(state)}` }, state);
const clock = (at) => (at ? new Date(at).toLocaleTimeString() : "");
const short = (hash) => (hash ? hash.slice(0, 12) : "");

// ---- processes

const opened = new Set(); // ids of the processes that are unfolded
let firstLook = true;

function task(t) {
  const needs = (t.needs || []).join(", ");
  return el("li", {},
    badge(t.state), " ", el("code", {}, t.id), ` (${t.worker}) `,
    el("span", { class: "soft" }, needs ? `after ${needs}` : "first"),
    t.outcome ? el("div", {}, t.outcome) : "",
    ...(t.reasons || []).map((r) => el("div", { class: "bad" }, r)));
}

function process(p) {
  const facts = [
    ["why", p.reason], ["next", p.next], ["repository", p.repo && `${p.repo} ${p.branch || ""} ${p.top || ""}`],
    ["workspace", p.sws], ["by", p.owner], ["started", clock(p.started)], ["ended", clock(p.ended)],
    ["commit", p.commit && `${short(p.commit)} on ${p.landed_on || "?"}`],
  ].filter(([, v]) => v);
  const d = el("details", { open: opened.has(p.id) },
    el("summary", {}, el("code", {}, p.id), " ", badge(p.status), " ", p.text),
    el("dl", {}, ...facts.flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)])),
    el("ol", { class: "plan", "aria-label": `plan of ${p.id}` }, ...(p.tasks || []).map(task)));
  d.addEventListener("toggle", () => { if (d.open) opened.add(p.id); else opened.delete(p.id); });
  return d;
}

function showProcesses(list) {
  $("n-processes").textContent = list.length;
  if (firstLook && list.length) opened.add(list[list.length - 1].id);
  firstLook = firstLook && !list.length;
  const focused = focusedSummary();
  $("processes").replaceChildren(...(list.length
    ? list.slice().reverse().map(process)
    : [el("p", { class: "soft" }, "none yet: ", el("code", {}, "jitos intent 'Fix the failing test in ./pkg'"))]));
  if (focused >= 0) $("processes").querySelectorAll("summary")[focused]?.focus();
}

// focusedSummary is the place of the focused process, which drawing again would lose.
function focusedSummary() {
  return [...$("processes").querySelectorAll("summary")].indexOf(document.activeElement);
}

// ---- workspaces

function showSpaces(list) {
  const all = $("all-spaces").checked;
  const shown = (all ? list : list.filter((w) => w.state === "open")).slice().reverse();
  $("n-spaces").textContent = `${list.filter((w) => w.state === "open").length} open of ${list.length}`;
  if (!shown.length) {
    $("spaces").replaceChildren(el("p", { class: "soft" }, "none open"));
    return;
  }
  const head = ["id", "state", "from", "rewrites", "why"].map((t) => el("th", { scope: "col" }, t));
  const rows = shown.slice(0, 500).map((w) => el("tr", {},
    el("th", { scope: "row", class: "mono" }, w.id), el("td", {}, badge(w.state)), el("td", { class: "mono" }, w.from),
    el("td", {}, String(w.records)), el("td", {}, w.outcome || w.reason || w.process || "")));
  $("spaces").replaceChildren(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "workspaces" },
    el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows))));
}

// ---- records

let paused = false;
let loading = false; // the newest records are being read
let waiting = []; // records that came while paused or loading
let lastSeq = 0;

function op(o) {
  const detail = o.kind || o.prop || (o.props ? Object.keys(o.props).join(", ") : "") || o.to || "";
  return el("li", {}, `${o.op} ${o.path} ${detail}`);
}

function record(r) {
  const ops = r.ops.slice(0, shownOps).map(op);
  const omitted = (r.ops_omitted || 0) + Math.max(0, r.ops.length - shownOps);
  if (omitted) ops.push(el("li", {}, `and ${omitted} more`));
  return el("li", { value: r.seq },
    el("code", {}, String(r.seq)), " ", el("span", { class: "soft" }, `${clock(r.at)} ${r.view} `),
    r.author, r.cause ? el("span", { class: "soft" }, ` for ${r.cause}`) : "", r.reason ? `: ${r.reason}` : "",
    ops.length ? el("ul", { class: "ops" }, ...ops) : "");
}

function addRecords(list) { // oldest first
  for (const r of list) {
    if (r.seq <= lastSeq) continue;
    lastSeq = r.seq;
    $("records").prepend(record(r));
  }
  while ($("records").children.length > shownRecords) $("records").lastChild.remove();
  $("n-records").textContent = lastSeq ? `up to ${lastSeq}` : "";
}

function catchUp() {
  if (paused || loading) return;
  addRecords(waiting);
  waiting = [];
}

$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Go on" : "Pause";
  catchUp();
});

// ---- reading it all

let timer = 0;
let spaces = [];

async function refresh() {
  timer = 0;
  try {
    const [st, ps, ws] = await Promise.all([read("status"), read("process"), read("sws")]);
    $("status").textContent = `${st.read_only ? `read-only (${st.read_only}) · ` : ""}seq ${st.seq} · world ${short(st.world)} · ${st.running} running · jitos ${st.version}`;
    showProcesses(ps.processes);
    spaces = ws.workspaces;
    showSpaces(spaces);
    notice("");
  } catch (e) {
    failed(e);
  }
}

function soon() {
  if (!timer) timer = setTimeout(refresh, settle);
}

function failed(e) {
  $("status").textContent = "not connected";
  notice(e.status === 401
    ? "This page needs a session. Run: jitos view"
    : `The daemon does not answer (${e.message}). Is it running? jitos status`);
}

async function onSnapshot() {
  loading = true;
  waiting = [];
  try {
    const log = await read(`log?limit=50&ops=${shownOps}`);
    $("records").replaceChildren();
    lastSeq = 0;
    addRecords(log.records.slice().reverse());
  } catch (e) {
    failed(e);
  }
  loading = false;
  catchUp();
  soon();
}

function follow() {
  const source = new EventSource(`events?ops=${shownOps}`);
  source.addEventListener("snapshot", onSnapshot);
  source.addEventListener("record", (m) => {
    waiting = waiting.concat(JSON.parse(m.data)).slice(-shownRecords);
    catchUp();
    soon();
  });
  source.addEventListener("error", () => {
    $("status").textContent = "not connected, trying again";
    if (source.readyState === EventSource.CLOSED) setTimeout(start, 3000); // the browser has given up
    soon();
  });
}

async function start() {
  try {
    await read("status");
  } catch (e) {
    failed(e);
    if (e.status !== 401) setTimeout(start, 3000);
    return;
  }
  follow();
}

$("all-spaces").addEventListener("change", () => showSpaces(spaces));
start();
