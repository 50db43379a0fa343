// Package kernel owns the system: the world and the ledger, workspaces,
// processes, policy and provenance. Everything else proposes; the kernel
// decides, writes the log, and applies it.
//
// # The writer
//
// One goroutine orders all changes. It takes what waits, by whose turn it is, lets
// sched put it into ticks, evaluates each request on a private next version, encodes the
// records, appends one frame to the journal (which flushes), publishes the new
// version, and answers. It never waits for a gate, a worker, a reader or git.
// Readers load an immutable version through an atomic pointer and never wait.
//
// # Invariants
//
//  1. State is the fold of the log: [Record]s are applied by one function, the
//     same in the writer and in replay, and it calls no planner, merger,
//     worker, clock or random source.
//  2. Nothing is visible, and no answer given, before the frame is durable.
//  3. Only records of view "system" change the world or the ledger; a record
//     of view "sws:w12" changes that workspace alone (and its head in /sws).
//  4. A collapse is one record: the change, the outcome and the evidence.
//  5. What a person's repository holds is changed by a landing that the log
//     announced before it began.
package kernel
