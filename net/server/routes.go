package server

import (
	"net/http"

	"jitos.dev/net/wire"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// allCalls lists the contract's calls that this version has.
func allCalls() []call {
	var all []call
	for _, part := range [][]call{graphCalls(), ruleCalls(), spaceCalls(), processCalls(), historyCalls(), policyCalls(), gateCalls(), folderCalls(), leaseCalls(), systemCalls()} {
		all = append(all, part...)
	}
	return all
}

const (
	get  = http.MethodGet
	post = http.MethodPost
	put  = http.MethodPut
)

func graphCalls() []call {
	return []call{
		{
			method: post, path: "/rewrite", id: "rewrite", once: true, quick: true, summary: "Apply a rewrite, whole or not at all",
			about: "Answered when it is durable. Writing under /repo, /proc, /sws, /worker, /purge and /once is not for this call.",
			body:  wire.RewriteRequest{}, large: true, answer: wire.Receipt{}, do: (*exchange).rewrite,
		},
		{
			method: get, path: "/rmg", id: "graph", tagged: true, quick: true, summary: "Dump the graph at a path, or list what a selector selects",
			about: "Elements are sorted by id, nodes before edges. The pages of one dump are of one version, whatever is written between them. " + selectAbout,
			params: []param{
				versionParam("view", "system"),
				textParam("path", "where; a graph path, or file: and the absolute name of a file on disk; / if absent"),
				countParam("depth", "levels of inner graphs, 0 to 64; 1 if absent"),
				textParam("select", "a selector, such as /svc/*[kind=Service][lang=\"go\"]; not with path and depth"),
				countParam("limit", "elements in one answer, 1 to 10000, inner ones included; 1000 if absent"),
				textParam("cursor", "next of the page before, which carries the view"),
			},
			answer: wire.GraphAnswer{}, other: wire.SelectAnswer{}, do: (*exchange).graph,
		},
		{
			method: get, path: "/diff", id: "diff", summary: "List what differs between two versions",
			params: []param{
				versionParam("from", "system"), versionParam("to", "system"), textParam("path", "only at and below this; / if absent"),
				countParam("limit", "changes in the answer, 1 to 100000; 10000 if absent"),
			},
			answer: wire.DiffAnswer{}, do: (*exchange).diff,
		},
		{
			method: get, path: "/blob/{id}", id: "blob", working: true, summary: "Read content by its SHA-256",
			params: []param{pathParam("id", "64 hex digits")}, media: "application/octet-stream", do: (*exchange).blob,
		},
		{
			method: put, path: "/blob", id: "put-blob", working: true, summary: "Store content",
			about:   "It is durable with the first record that names it.",
			rawBody: true, answer: wire.Blob{}, do: (*exchange).putBlob,
		},
	}
}

func spaceCalls() []call {
	id := pathParam("id", "a workspace: w12")
	return []call{
		{
			method: post, path: "/sws", id: "fork", once: true, summary: "Fork a workspace", body: wire.ForkRequest{}, maybe: true,
			answer: wire.Workspace{}, do: (*exchange).fork,
		},
		{
			method: get, path: "/sws", id: "workspaces", summary: "List workspaces",
			about: "By number, oldest first; the pages cost what they show.",
			params: []param{
				textParam("state", "open, collapsed or discarded; all if absent"), textParam("owner", "only those of an owner"),
				textParam("process", "only those of a process"), countParam("limit", "workspaces in one answer, 1 to 10000; 1000 if absent"),
				textParam("cursor", "next of the page before"),
			},
			answer: wire.WorkspacesAnswer{}, do: (*exchange).workspaces,
		},
		{
			method: get, path: "/sws/{id}", id: "workspace", summary: "Show a workspace",
			params: []param{id}, answer: wire.Workspace{}, do: (*exchange).workspace,
		},
		{
			method: post, path: "/sws/{id}/rewrite", id: "rewrite-workspace", once: true, quick: true, summary: "Apply a rewrite in a workspace",
			params: []param{id}, body: wire.SpaceRewriteRequest{}, large: true, answer: wire.Receipt{}, do: (*exchange).rewriteSpace,
		},
		{
			method: post, path: "/sws/{id}/exec", id: "exec", summary: "Run a command in a workspace, in the sandbox",
			about:  "What it changed is in the workspace when it has ended. Going away stops it.",
			params: []param{id}, body: wire.ExecRequest{},
			events: []event{{wire.EventOutput, work.Event{}}, {wire.EventExit, wire.ExecExit{}}, {wire.EventError, wire.Problem{}}},
			do:     (*exchange).exec,
		},
		{
			method: post, path: "/sws/{id}/discard", id: "discard", once: true, summary: "Drop a workspace's name, never its bytes",
			params: []param{id}, body: wire.DiscardRequest{}, maybe: true, answer: wire.Receipt{}, do: (*exchange).discard,
		},
		{
			method: post, path: "/sws/{id}/restore", id: "restore", once: true, summary: "Bring a discarded workspace back",
			params: []param{id}, answer: wire.Workspace{}, do: (*exchange).restore,
		},
		{
			method: post, path: "/sws/{id}/freeze", id: "freeze", once: true, summary: "Let a workspace take no writes",
			about:  "It can be read, forked, collapsed and discarded.",
			params: []param{id}, body: wire.FreezeRequest{}, maybe: true, answer: wire.Workspace{}, do: (*exchange).freeze,
		},
		{
			method: post, path: "/sws/{id}/thaw", id: "thaw", once: true, summary: "Let a frozen workspace be written again",
			params: []param{id}, answer: wire.Workspace{}, do: (*exchange).thaw,
		},
		{
			method: post, path: "/sws/{id}/rebase", id: "rebase", once: true, summary: "Move a workspace's base forward",
			about:  "What it changed is merged with what happened since, as one record. Conflicts are a 409 with conflicts, and stand on the workspace until each is resolved, which completes the rebase.",
			params: []param{id}, body: wire.RebaseRequest{}, maybe: true, answer: wire.Rebased{}, do: (*exchange).rebase,
		},
		{
			method: post, path: "/sws/{id}/resolve", id: "resolve", once: true, summary: "Settle conflicts of a workspace",
			about:  "By a side, a value or a text. GET /sws/{id} lists the conflicts. When none is open any more the rebase that met them completes.",
			params: []param{id}, body: wire.ResolveRequest{}, large: true, answer: wire.Rebased{}, do: (*exchange).resolve,
		},
		{
			method: post, path: "/sws/{id}/collapse", id: "collapse", once: true, summary: "Merge a workspace into its parent, proven",
			about:  "Conflicts are a 409 with conflicts, red gates a 422 with evidence. What takes longer than wait is a 202, and goes on as an operation.",
			params: []param{id, textParam("wait", "how long to wait for the end, 0s to 10m; 30s if absent")},
			body:   wire.CollapseRequest{}, maybe: true, answer: wire.Collapsed{},
			also: map[int]any{http.StatusAccepted: wire.Operation{}}, do: (*exchange).collapse,
		},
		{
			method: get, path: "/operation/{id}", id: "operation", summary: "Show an operation, or wait for its end",
			params: []param{pathParam("id", "an operation: o3"), textParam("wait", "how long to wait for the end, 0s to 10m; 0s if absent")},
			answer: wire.Operation{}, do: (*exchange).operation,
		},
	}
}

func processCalls() []call {
	id := pathParam("id", "a process: p12")
	return []call{
		{
			method: post, path: "/intent", id: "intent", once: true, summary: "Submit an intent",
			about: "Answered when it is planned and the process started. With plan_only there is a plan and no process.",
			body:  wire.IntentRequest{}, answer: wire.IntentAnswer{}, do: (*exchange).intent,
		},
		{method: get, path: "/process", id: "processes", summary: "List processes", answer: wire.ProcessesAnswer{}, do: (*exchange).processes},
		{
			method: get, path: "/process/{id}", id: "process", summary: "Show a process: plan, tasks, evidence",
			params: []param{id}, answer: wire.Process{}, do: (*exchange).process,
		},
		{
			method: get, path: "/process/{id}/log", id: "process-log", summary: "Stream a process's progress",
			about: "The id of an event is the line's number; Last-Event-ID resumes after it.",
			params: []param{
				id, countParam("after", "only lines after this one"),
				flagParam("follow", "wait for further lines until the process ends; true if absent"),
			},
			events: []event{{wire.EventLine, wire.Line{}}, {wire.EventEnd, wire.ProcessEnd{}}},
			do:     (*exchange).processLog,
		},
		{
			method: post, path: "/process/{id}/cancel", id: "cancel", once: true, summary: "Stop a process; its workspace stays",
			params: []param{id}, answer: wire.Process{}, do: (*exchange).cancel,
		},
		{
			method: post, path: "/process/{id}/retry", id: "retry", once: true, summary: "Go on with a process that stopped",
			params: []param{id}, answer: wire.Process{}, do: (*exchange).retry,
		},
		{
			method: get, path: "/cost", id: "cost", summary: "Tell what was spent, by day and by process",
			about:  "As the workers said it, from the records of when they did.",
			params: []param{textParam("since", "a day in UTC, 2026-11-27; all if absent")}, answer: wire.CostAnswer{}, do: (*exchange).cost,
		},
		{
			method: post, path: "/method", id: "add-method", once: true, terminal: true, summary: "Add a method to the library",
			about: "It is held to the library and to its own golden tests. /method is protected: by default a person changes it.",
			body:  wire.MethodRequest{}, answer: wire.AddedMethod{}, do: (*exchange).addMethod,
		},
		{
			method: post, path: "/method/propose", id: "propose-method", terminal: true, summary: "Have the model write a method",
			about: "It is checked like any other, and stands as a proposal at /method, with words and model, until a person approves it.",
			body:  wire.ProposeRequest{}, answer: wire.AddedMethod{}, do: (*exchange).proposeMethod,
		},
		{
			method: post, path: "/method/{id}/approve", id: "approve-method", once: true, terminal: true, summary: "Add a proposed method to the library",
			about:  "Only a person does, for the proposal that they saw: stale if it is another by now.",
			params: []param{pathParam("id", "its name")}, body: wire.ApproveMethodRequest{}, answer: wire.AddedMethod{}, do: (*exchange).approveMethod,
		},
		{method: get, path: "/method", id: "methods", summary: "List the method library", answer: wire.MethodsAnswer{}, do: (*exchange).methods},
		{
			method: get, path: "/method/{id}", id: "method", summary: "Show a method",
			params: []param{pathParam("id", "its name")}, answer: tasks.MethodInfo{}, do: (*exchange).method,
		},
	}
}

func historyCalls() []call {
	ops := countParam("ops", "at most so many ops of each record; all if absent")
	return []call{
		{
			method: get, path: "/events", id: "events", summary: "Stream records as they come",
			about: "A snapshot comes first, then records; the id of an event is its seq. Last-Event-ID resumes after one, without a snapshot. " +
				"A reader who fell too far behind is sent a fresh snapshot and goes on from there; GET /log has what was passed over.",
			params: append([]param{countParam("from", "first record wanted; those after now if absent"), ops}, filterParams()...),
			events: []event{{wire.EventSnapshot, wire.Snapshot{}}, {wire.EventRecord, wire.Record{}}},
			do:     (*exchange).events,
		},
		{
			method: get, path: "/log", id: "log", summary: "Read the log",
			about: "Newest first; with from, oldest first.",
			params: append([]param{
				countParam("from", "first seq; turns the order to oldest first"), countParam("to", "last seq; the newest if absent"),
				countParam("limit", "records in the answer, 1 to 1000; 100 if absent"), ops,
			}, filterParams()...),
			answer: wire.LogAnswer{}, do: (*exchange).history,
		},
		{
			method: post, path: "/undo", id: "undo", once: true, summary: "Take one record back, at today's head",
			about:  "Answered as a collapse is: what concerns a repository is proven and lands. What later records changed at the same places is a 409 whose conflicts say who did.",
			params: []param{textParam("wait", "how long to wait for the end, 0s to 10m; 30s if absent")},
			body:   wire.UndoRequest{}, answer: wire.Collapsed{},
			also: map[int]any{http.StatusAccepted: wire.Operation{}}, do: (*exchange).undo,
		},
		{
			method: post, path: "/bisect", id: "bisect", summary: "Find the record that made a condition false",
			about:  "It must hold at from and not at to. About log2 of the records that touch the path are looked at; each is told as it is judged. Going away stops it.",
			body:   wire.BisectRequest{},
			events: []event{{wire.EventStep, wire.BisectStep{}}, {wire.EventFound, wire.BisectAnswer{}}, {wire.EventError, wire.Problem{}}},
			do:     (*exchange).bisect,
		},
		{
			method: get, path: "/why", id: "why", summary: "Explain why an element, a prop of it, or a line, is as it is",
			about: "The chain reads from the record that wrote it, through the workspace, task and attempt in which it was written, to what was asked for; what came in from git is traced to its commit.",
			params: []param{
				{name: "path", kind: "string", about: "a graph path, or file: and the absolute name of a file on disk", required: true},
				countParam("line", "a line of a file, from 1"), textParam("prop", "a prop of the element, instead of a line"),
			},
			answer: wire.WhyAnswer{}, do: (*exchange).why,
		},
		{
			method: get, path: "/check", id: "check", summary: "Look at every invariant of a view's graphs",
			params: []param{versionParam("view", "system")}, answer: wire.CheckAnswer{}, do: (*exchange).check,
		},
		{
			method: post, path: "/replay", id: "replay", summary: "Fold the log anew and compare every digest",
			about: "The first difference is named. With execute the tasks of a process are done over again, in workspaces that are thrown away, and what they come to is compared.",
			body:  wire.ReplayRequest{}, maybe: true,
			events: []event{{wire.EventProgress, wire.ReplayProgress{}}, {wire.EventReplayed, wire.ReplayAnswer{}}, {wire.EventError, wire.Problem{}}},
			do:     (*exchange).replay,
		},
		{method: post, path: "/verify", id: "verify", summary: "Replay the log and check it", answer: wire.VerifyAnswer{}, do: (*exchange).verify},
	}
}

func systemCalls() []call {
	return []call{
		{
			method: post, path: "/admin/purge", id: "purge", terminal: true, summary: "Remove content for good, on the record",
			about: "Its hash stays, and so does every digest; reading it says who purged it and why. Refused while it stands in the system or an open workspace.",
			body:  wire.PurgeRequest{}, answer: wire.PurgeAnswer{}, do: (*exchange).purge,
		},
		{
			method: post, path: "/admin/gc", id: "gc", terminal: true, summary: "Remove what nothing kept names, on the record",
			about: "Kept is all that a record names, but for records of workspaces that were discarded longer ago than /policy's keep_discarded (for ever without it); and what was put since the daemon's start. The log still folds and verifies. With dry_run it only says what would go.",
			body:  wire.GCRequest{}, maybe: true, answer: wire.GCAnswer{}, do: (*exchange).gc,
		},
		{
			method: post, path: "/admin/backup", id: "backup", terminal: true, summary: "Copy log, contents and checkpoint into a folder, verified",
			about: "Everything goes on meanwhile. A folder in which something is is refused.",
			body:  wire.BackupRequest{}, answer: wire.BackupAnswer{}, do: (*exchange).backup,
		},
		{
			method: get, path: "/admin/profile/{id}", id: "profile", summary: "Profile the daemon, for go tool pprof",
			about:  "Takes the capability admin, and is to be had over the unix socket only. That of the processor's time is answered when it is made.",
			params: []param{pathParam("id", "cpu, heap, allocs, goroutine, block, mutex or threadcreate"), countParam("seconds", "of cpu: how long, 1 to 60; 10 if absent")},
			media:  "application/octet-stream", do: (*exchange).profile,
		},
		{method: get, path: "/status", id: "status", summary: "Describe the daemon", answer: wire.Status{}, do: (*exchange).status},
		{
			method: post, path: "/session", id: "session", summary: "Make a one-time link for the web page",
			about: "Opening it makes a session that may look at everything and change nothing, or with act do what the caller may, but for giving rights to others and removing what is kept.",
			body:  wire.SessionRequest{}, maybe: true, terminal: true, answer: wire.Session{}, do: (*exchange).session,
		},
		{method: get, path: "/session", id: "caller", summary: "Tell who the caller is, and what it may be heard on", answer: wire.Caller{}, do: (*exchange).who},
		{method: get, path: "/healthz", id: "health", summary: "Tell that the daemon answers", answer: wire.Health{}, open: true, do: (*exchange).health},
		{method: get, path: "/metrics", id: "metrics", summary: "Gauges for Prometheus", media: "text/plain", do: (*exchange).metrics},
		{method: get, path: "/openapi.json", id: "openapi", summary: "This document", media: "application/json", do: (*exchange).document},
	}
}

func versionParam(name, other string) param {
	return textParam(name, "a version: system, sws:ID, sws:ID@N or seq:N; "+other+" if absent")
}
