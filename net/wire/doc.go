// Package wire holds what travels between JITOS and its clients: the JSON
// shapes of requests, answers, events and problems. The server writes them, the
// client reads them, and the OpenAPI document is generated from them.
//
// Field names are snake case. Times are RFC 3339 in UTC with milliseconds.
// Digests and content hashes are 64 hex digits. Values, ops and props are
// written by [jitos.dev/rmg] and [jitos.dev/rewrite] in the contract's forms.
// Fields are only ever added: a client ignores those that it does not know, the
// server refuses them.
package wire
