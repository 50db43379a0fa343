// Package workers executes: the registry of workers, the runner that the
// kernel dispatches tasks and gates to, and the workers themselves. Outside
// effects of tasks happen here and nowhere else, in a sandbox.
package workers
