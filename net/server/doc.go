// Package server is the daemon's HTTP side: it checks who calls, turns requests
// into calls of the kernel, and streams what happens.
//
// Every call of the contract is one value of type call, in one list; routing,
// the refusal of unknown parameters and fields, and the OpenAPI document are
// all made from that list, so that they cannot disagree. huma gives the
// schemas and the document's model; requests do not run through it, because
// the contract's problems (a closed list of codes, violations with pointers)
// are not the ones it would answer with.
//
// # Who may call
//
// Each call but /healthz and the page's static files needs the daemon's secret
// as a bearer token, or the cookie of a web session, which only looks, or does
// what its maker may on what its own page sends. A worker runs under its owner's
// uid, so reaching the socket proves nothing. Over TCP the Host must be one that
// was allowed (DNS rebinding), and an Origin must be the same host.
//
// # Streams
//
// Event streams hold no queue: each reads the log at its own pace, so a slow
// reader costs nothing but its connection, and one that falls too far behind
// is sent a fresh snapshot.
package server
