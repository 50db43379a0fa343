// Package work is the contract between the kernel and its workers: what a task
// is, the workspace it happens in, what comes back, and how it is proven.
// Types only.
package work
