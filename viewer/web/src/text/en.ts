// Every word the page says of its own. A translation is another file like this
// one, named in index.ts.
export const en = {
  title: "JITOS",
  tabs: { graph: "Graph", workspaces: "Workspaces", processes: "Processes", inbox: "Inbox", log: "Log", rules: "Rules" },
  skip: "Skip to content",
  connected: "live", lost: "connection lost, trying again", connecting: "connecting",
  denied: "This page needs a session. Run: jitos view",
  readOnlyDaemon: (why: string) => `The daemon does not write: ${why}`,
  you: (name: string, readOnly: boolean) => (readOnly ? "you may look" : `you are ${name}`),
  close: "Close", cancel: "Cancel", more: (n: number) => `${n} more`, showMore: "Show more", none: "none", loading: "reading",
  time: {
    bar: "Time", now: "Follow live", at: (seq: number) => `at seq ${seq}`, live: (seq: number) => `live, seq ${seq}`, first: "First", back: "One back", on: "One on", play: "Play", pause: "Pause", speed: "Speed",
    since: "Compare since", sinceOff: "No comparison", missed: (n: number) => `${n} newer`, range: (from: number, to: number) => `difference of seq ${from} and seq ${to}`, drag: "Drag to compare two moments", keys: "Arrows move in time; with Shift they move the beginning of a range to compare", marks: { collapse: "collapse", failure: "failure", person: "a person's action" },
  },
  graph: {
    picture: "Graph. Arrows move between elements, Enter opens, Backspace leaves, plus and minus zoom, slash searches, t shows the tree.",
    root: "system", tree: "Tree", drawing: "Picture", fit: "Fit", in: "Zoom in", out: "Zoom out", search: "Selector", searchHint: "/repo/**/*.go or /svc/*[kind=Service]", clear: "Clear",
    matches: (n: number, more: boolean) => `${n}${more ? "+" : ""} ${n === 1 ? "match" : "matches"}`, kinds: "Kinds", view: "View", system: "system", differences: (n: number) => `${n} ${n === 1 ? "difference" : "differences"}`,
    listed: "List of the differences", legend: { added: "added", changed: "changed", removed: "removed", conflict: "conflict", both: "changed by several" }, counts: (n: number, e: number) => `${n} ${n === 1 ? "node" : "nodes"}${e ? `, ${e} ${e === 1 ? "edge" : "edges"}` : ""}`, unread: (n: number) => `${n} elements are not shown; open the tree or search`,
    empty: "nothing is in here", selected: (path: string, kind: string) => `${kind} ${path}`, dense: "Many elements: zoom in, search, or use the tree.",
  },
  details: {
    title: "Selected", kind: "kind", from: "from", to: "to", props: "Props", edges: "Edges", inside: "Inside", why: "Why", pin: "Pin", unpin: "Unpin", pins: "Pinned", pinned: (p: string) => `${p} is pinned`, unpinned: (p: string) => `${p} is not pinned any more`, open: "Zoom in", file: "Content", binary: (n: string) => `${n}, not shown`, blame: "Who wrote each line",
    neither: "Nothing is selected. Click an element, or move with the arrow keys.", caused: "What it caused", refers: "refers to", before: "leads here", after: "leads to", ancestors: "All that leads here", descendants: "All that follows",
  },
  why: { title: "Why", line: (n: number) => `line ${n}`, seq: (n: number) => `seq ${n}`, evidence: "evidence", caused: "What this caused", nothing: "nothing else in the log names it" },
  spaces: {
    title: "Workspaces", all: "Show collapsed and discarded", id: "Id", state: "State", from: "From", records: "Rewrites", reason: "Why", process: "Process", overlap: "Overlaps", overlaps: (id: string, path: string, n: number) => `${id} at ${path}${n > 1 ? ` and ${n - 1} more` : ""}`,
    nothing: "No workspace is open.", new: "New workspace", changes: "Changes", conflicts: "Conflicts", onGraph: "Show on the graph", together: "All on the graph", list: "List", side: "Side by side", theirs: "Changed in the system meanwhile", unchanged: "Nothing differs from its base.", truncated: (n: number) => `the first of ${n}`,
    collapse: "Collapse", discard: "Discard", restore: "Restore", rebase: "Rebase", resolve: "Resolve", written: "the text that was written", frozen: (why: string) => `frozen: ${why}`, base: "stands on",
    take: { system: "Take the system's", workspace: "Take the workspace's", base: "Take the base's" }, edit: "Edit", useText: "Use this text", byHunk: "Hunk by hunk", useHunks: "Use these hunks", result: "What it becomes", write: "Write it", nothingThere: "(nothing)", same: (n: number) => `  … ${n} lines that nobody changed`,
    only: { system: "Only the system changed this: it is taken.", workspace: "Only the workspace changed this: it is taken.", both: "Both made the same of this." }, hunk: (n: number, of: number, line: number) => `Hunk ${n} of ${of}, line ${line}`, chosen: (n: number, of: number) => `${n} of ${of} hunks chosen`,
    sides: { base: "base", system: "system", workspace: "workspace" }, settled: (how: string) => `settled: ${how}`, absent: "(absent)",
    will: {
      collapse: (n: number, w: string) => `${n} ${n === 1 ? "change is" : "changes are"} merged into what ${w} was forked from, proven by the gates, and lands as a commit if files of a repository are among them.`,
      overlap: (n: number) => `${n} of them were changed in the system meanwhile and will be merged, or conflict:`,
      discard: (n: number) => `The name is dropped with its ${n} ${n === 1 ? "change" : "changes"}. Nothing is lost: Restore brings it back.`,
      restore: (n: number, base: number) => `${n} ${n === 1 ? "change comes" : "changes come"} back, and the workspace is open again on seq ${base}. The system does not change.`,
      resolve: (path: string, how: string, left: number) => `${path} becomes ${how}. ${left ? `${left} more ${left === 1 ? "conflict waits" : "conflicts wait"} after it.` : "It is the last conflict: the rebase is completed. The system does not change."}`,
      rebase: (n: number) => `What happened since the fork is merged in: ${n} ${n === 1 ? "change" : "changes"} of the system.`,
    },
    done: { collapse: (seq: number, commit: string) => `collapsed as seq ${seq}${commit ? `, commit ${commit}` : ""}`, running: "goes on in the background", discard: "discarded", restore: "restored", rebase: "rebased", resolve: "resolved" },
  },
  processes: {
    title: "Processes", none: "No process yet.", started: "started", ended: "ended", owner: "asked by", plan: "Plan", line: "Time line", tasks: "Tasks", output: "Output", evidence: "Evidence", gate: "Gate", result: "Result", took: "Took", sandbox: "Sandbox", green: "green", red: "red", reasons: "Why this plan", rejected: "rejected", attempts: (n: number) => `${n} ${n === 1 ? "attempt" : "attempts"}`, compare: "Compare", compareTwo: "Two attempts compared", left: "First", right: "Second", changes: "Changes", records: "Records", made: "Content", same: "the same in both", only: (id: string) => `only ${id}`, differs: "different", nothingMade: "Neither changed anything.", needs: "after", lanes: "Race", intent: "Structured intent", spent: "Used", commit: "commit", next: "next",
    cancel: "Cancel process", retry: "Retry", willCancel: "Its workers are stopped. Its workspace stays.", willRetry: "It goes on from the last task that has a result.", pending: "not begun", workspace: "workspace", filter: "Only failed and running", budget: (r: number, b: string) => `${r} records, ${b}`, tests: (n: number) => `${n} tests`, budgetTitle: "Budget",
  },
  inbox: { title: "Waits for a person", none: "Nothing waits for you.", approve: "Approve", reject: "Reject", comment: "Comment", asked: "Asked about", person: "Only a person answers.",
    changes: "What is changed", keepFile: "keep this", keep: (n: number, line: number) => `keep part ${n}, at line ${line}`, change: { added: "added", removed: "removed", changed: "changed" },
    edit: "Write it anew", notEdit: "Leave it as it is", written: (name: string) => `${name}, written anew`, noText: (name: string) => `${name} is no text that can be written here.`, approveRest: (n: number) => `Approve with ${n} ${n === 1 ? "amendment" : "amendments"}` },
  log: { title: "Log", go: "Show this moment", undo: "Take back", willUndo: (seq: number) => `A collapse of the inverse of seq ${seq}, merged with today's head and proven like any other change.`, done: (seq: number) => `taken back as seq ${seq}`, filter: "Text, author or path", ops: (n: number) => `${n} ops`, older: "Older" },
  rules: {
    title: "Rules, methods, policy, kinds", rules: "Rules", noRules: "No rule stands under /rule. Add one: jitos rule add FILE", on: "fires by itself", off: "does not fire", byHand: "applied by hand", times: (n: number) => `fired ${n} ${n === 1 ? "time" : "times"}`,
    at: "matched in", deep: "and anywhere inside", by: "switched on by", priority: "priority", left: "What it looks for", right: "What becomes of it", condition: (name: string) => name.replaceAll(/-(\d+)/g, " $1"), signs: "+ it makes, − it removes, ~ it changes; dashed: what stands outside a condition, or goes",
    turnOn: "Let it fire by itself", turnOff: "Stop it firing", willOn: (at: string) => `From now on it fires whenever what it looks for comes to be in ${at}, with your rights.`, willOff: "It fires no more. What it did stays.",
    firings: "Where it fired", never: "It has not fired.", because: (seq: string) => `because of seq ${seq}`,
    methods: "Methods", policy: "Policy", kinds: "Kinds", task: "task", phrases: "Phrases", steps: "Steps", fired: "Where it was used", effect: "Effect", verbs: "Verbs", where: "Where", when: "When", default: "default", source: "Source", noKinds: "No kind schema is declared.", kindsDrawn: "Kinds and the edges between them; dashed: what stands inside another, or is not declared; an asterisk: required", policyDrawn: "Verbs, rules and places. + allows, − denies, ~ asks; dashed: of the default policy", uses: "Where it is used", edgeKind: "of edges", asked: "What it asked a person", neverAsked: "What a rule asked a person stands here. What it denied left no record.",
  },
  submit: { title: "New intent", text: "What is to be done", repo: "Repository", plan: "Show the plan", run: "Run", planned: "This is what would be done:", none: "No repository is known yet: name its folder.", folder: "Folder", running: (id: string) => `${id} runs` },
};
export type Text = typeof en;
