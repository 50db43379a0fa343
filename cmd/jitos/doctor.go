package main

import (
	"context"
	"io"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/workers/gotool"
	"jitos.dev/workers/sandbox"
	"jitos.dev/worktree"
)

// finding is one thing that a machine gives or does not.
type finding struct {
	What string `json:"what"`
	Is   string `json:"is"`
	// Lacks says what is not had, why, and what that costs; empty if all is well.
	Lacks string `json:"lacks,omitempty"`
}

func (a *app) doctorCmd() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Say what this machine gives, and what is done without", Args: cobra.NoArgs,
		Example: "  jitos doctor",
		Long: `Tries what the daemon needs of the machine: how workspaces are made, what
commands are confined by, git, Go. Nothing is changed. What is lacking is done
without; the daemon's log and the evidence of each gate say the same.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			why := ""
			if !worktree.Private() {
				why = ownMounts().Error() // it comes back here only where that fails
			}
			list := diagnose(cmd.Context(), data, why)
			return a.show(list, func(w io.Writer) {
				for _, f := range list {
					text := f.Is
					if f.Lacks != "" {
						text += "; " + f.Lacks
					}
					row(w, f.What, text)
				}
			})
		},
	}
	cmd.Flags().StringVar(&data, "data", a.dataFolder(), "the daemon's folder (JITOS_DATA)")
	return cmd
}

// diagnose looks at everything. noMounts is why there is no mount namespace.
func diagnose(ctx context.Context, data, noMounts string) []finding {
	how := worktree.Probe(data)
	if noMounts != "" {
		how.Why = noMounts
	}
	space := finding{What: "workspaces", Is: "overlay: ready whatever the repository's size"}
	if how.Why != "" {
		space.Is, space.Lacks = "copy: a workspace takes as long and as much disk as the repository is large", "no overlays: "+how.Why
	}
	in := sandbox.InForce()
	box := finding{What: "sandbox", Is: in.Tier + ", network " + in.Network, Lacks: strings.Join(in.Lacks, "; ")}
	return []finding{space, box, program(ctx, "git", "--version"), goFinding(ctx)}
}

func program(ctx context.Context, name string, args ...string) finding {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return finding{What: name, Is: "none", Lacks: err.Error()}
	}
	return finding{What: name, Is: strings.TrimSpace(string(out))}
}

func goFinding(ctx context.Context) finding {
	tool, err := gotool.Detect(ctx, "")
	if err != nil {
		return finding{What: "go", Is: "none", Lacks: "Go repositories cannot be worked on: " + err.Error()}
	}
	return finding{What: "go", Is: tool.Version}
}
