package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/journal"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

func (a *app) backupCmd() *cobra.Command {
	return &cobra.Command{
		Use: "backup DIR", Short: "Copy the daemon's log and contents into a folder, verified, while it runs", Args: cobra.ExactArgs(1),
		Long: `Writes a copy of the log, the contents and the newest checkpoint, as they are at
one record, and the history of plain folders, into a folder that is empty or not
there. Every byte is checked on the way. The daemon goes on meanwhile. Repositories
and the folders that workspaces are materialised in are not in it. jitos restore makes a data folder of it.`,
		Example: "  jitos backup /mnt/backup/jitos-monday",
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			b, err := c.Backup(cmd.Context(), wire.BackupRequest{To: to})
			if err != nil {
				return err
			}
			return a.show(b, func(w io.Writer) {
				fmt.Fprintf(w, "backed up to %s: records up to seq %d, %d files, %s\n", b.To, b.Seq, b.Files, sizeText(b.Bytes))
			})
		},
	}
}

// restored is what jitos restore answers.
type restored struct {
	Data  string `json:"data"`
	Seq   uint64 `json:"seq"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
}

func (a *app) restoreCmd() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "restore FROM [--data DIR]", Short: "Make a data folder of a backup, verified; no daemon is needed", Args: cobra.ExactArgs(1),
		Long: `Makes a data folder of what jitos backup wrote: every file is compared with the
backup's manifest, then the log's chain, checksums, contents and checkpoint with each
other. A folder in which something is is refused, and what cannot be verified cannot
be started from. (jitos sws restore brings back a discarded workspace.)`,
		Example: "  jitos restore /mnt/backup/jitos-monday --data /var/lib/jitos",
		RunE: func(cmd *cobra.Command, args []string) error {
			src, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			dst, err := filepath.Abs(data)
			if err != nil {
				return err
			}
			b, err := journal.ReadBackup(src, nil)
			if err == nil {
				err = journal.Restore(cmd.Context(), src, dst, journal.Options{})
			}
			if err != nil {
				return restoreProblem(src, dst, err)
			}
			out := restored{Data: dst, Seq: b.Seq, Files: b.Files, Bytes: b.Bytes}
			return a.show(out, func(w io.Writer) {
				fmt.Fprintf(w, "restored to %s: records up to seq %d, %d files, %s, verified\n", dst, b.Seq, b.Files, sizeText(b.Bytes))
				fmt.Fprintf(w, "start it: jitos daemon --data %s\n", dst)
			})
		},
	}
	cmd.Flags().StringVar(&data, "data", a.dataFolder(), "the data folder to make (JITOS_DATA)")
	return cmd
}

// restoreProblem says what a restore came to, and what to do.
func restoreProblem(src, dst string, err error) error {
	switch {
	case errors.Is(err, journal.ErrNotEmpty):
		return wire.NewProblem(rmg.Exists, "%v", err).WithHint("a log is never written over: name another folder with --data, or move %s away", dst)
	case errors.Is(err, journal.ErrBackup):
		return wire.NewProblem(rmg.Invalid, "%v", err).WithHint("jitos backup DIR makes one")
	case errors.Is(err, journal.ErrCorrupt):
		return wire.NewProblem(rmg.Invalid, "the backup is damaged: %v", err).WithHint("use another backup; %s cannot be started from, remove it", dst)
	}
	return wire.NewProblem(rmg.Unavailable, "%s cannot be restored: %v", src, err).WithHint("if %s is there now it cannot be started from, remove it", dst)
}

func (a *app) gcCmd() *cobra.Command {
	var q wire.GCRequest
	cmd := &cobra.Command{
		Use: "gc [--dry-run]", Short: "Remove contents that nothing kept names, on the record", Args: cobra.NoArgs,
		Long: `Removes contents that no record names, and those that only discarded workspaces
name which were discarded longer ago than the policy's setting keep_discarded ("720h";
for ever without it). Such a workspace is shown as before, and not restored any more.
Every version of the system stays readable, and the log verifies as before. What was
put since the daemon's start stays: it may be about to be named.`,
		Example: "  jitos gc --dry-run\n  jitos gc --reason 'room for the release'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			out, err := c.GC(cmd.Context(), q)
			if err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) { showGC(w, out) })
		},
	}
	cmd.Flags().BoolVar(&q.DryRun, "dry-run", false, "only say what would go")
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why; it stays in the log")
	return cmd
}

// maxGivenUp is how many workspaces a table names.
const maxGivenUp = 20

func showGC(w io.Writer, g wire.GCAnswer) {
	content := func(c wire.Content, text string) {
		if c.Blobs > 0 {
			fmt.Fprintf(w, "%d blobs, %s %s\n", c.Blobs, sizeText(c.Bytes), text)
		}
	}
	verb := "removed"
	if g.DryRun {
		verb = "would be removed"
	}
	fmt.Fprintf(w, "%d blobs, %s %s\n", g.Removed.Blobs, sizeText(g.Removed.Bytes), verb)
	content(g.GivenUp, "are named by given up workspaces alone")
	content(g.Unnamed, "are named by no record")
	content(g.Left, "of these stay for now: most of the file that they stand in is kept")
	if g.Marks > 0 {
		fmt.Fprintf(w, "%d marks of older versions %s; the room is free after the daemon's next start\n", g.Marks, verb)
	}
	if g.Recent > 0 {
		fmt.Fprintf(w, "%d blobs stay as they were put since the daemon's start\n", g.Recent)
	}
	if n := len(g.Spaces); n > 0 {
		list := g.Spaces[:min(n, maxGivenUp)]
		more := ""
		if n > len(list) {
			more = fmt.Sprintf(" and %d more", n-len(list))
		}
		fmt.Fprintf(w, "given up: %s%s\n", strings.Join(list, " "), more)
	}
	if g.Kept > 0 {
		text := "the policy keeps them for ever; its setting keep_discarded says for how long"
		if g.KeepDiscarded != "" {
			text = "discarded less than " + g.KeepDiscarded + " ago, or something stands on them"
		}
		fmt.Fprintf(w, "%d discarded workspaces are kept: %s\n", g.Kept, text)
	}
	if g.Seq != 0 {
		fmt.Fprintf(w, "recorded at seq %d\n", g.Seq)
	}
}

// sizeText is a number of bytes for people.
func sizeText(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	x, i := float64(n)/1000, 0
	for x >= 999.95 && i < len(units)-1 {
		x, i = x/1000, i+1
	}
	return fmt.Sprintf("%.1f %cB", x, units[i])
}
