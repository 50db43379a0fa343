// Package mcp lets an agent that speaks the Model Context Protocol work with the
// daemon: over standard streams, as a child of the agent's own program, or over
// streamable HTTP, behind the daemon's /mcp.
//
// It is a client of the daemon like any other. What a tool does is one or more
// calls of the contract, made as the agent, so that capabilities and policy
// count here as they do everywhere; there is no second way in.
//
// # A session's workspaces are its own
//
// A session writes in workspaces that it made or took up, and in no others, and
// no two sessions of a server hold the same one. None of the tools writes in the
// system: the one way there is workspace_collapse, which proves first. What a
// session leaves behind when it ends stays as it is, to be taken up again by
// workspace_open.
package mcp
