package tasks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The capabilities that a primitive may need of its process. Each but the last two has
// what it is about behind a colon.
const (
	CapabilityHost      = "host"      // NAME:PORT, which its commands may reach
	CapabilityProtected = "protected" // a glob of protected files that the intent is about
	CapabilityWrite     = "write"     // a glob of what it may write
	CapabilityNetwork   = "network"   // that its commands reach any host at all
	CapabilitySystem    = "system"    // to write the graph itself, not only in workspaces
)

// Capability takes a capability apart: what it is, and what it is about.
func Capability(text string) (sort, about string) {
	sort, about, _ = strings.Cut(text, ":")
	return sort, about
}

// checkThings looks at what a primitive uses, has for itself, leaves and needs granted.
func (l *Library) checkThings(p *primitiveDef, variables func(v any, at where), add func(Violation)) {
	for i, v := range p.Uses {
		at := p.where.in("resources", strconv.Itoa(i))
		variables(v, at)
		if slices.Contains(p.Alone, v) {
			add(at.fault(false, "%s has %s for itself (exclusive), and need not use it besides", p.Name, v))
		}
	}
	for i, v := range p.Alone {
		variables(v, p.where.in("exclusive", strconv.Itoa(i)))
	}
	for i, v := range p.Leaves {
		at := p.where.in("artifacts", strconv.Itoa(i))
		variables(v, at)
		if says := notWithin(v); says != "" {
			add(at.fault(false, "%s", says))
		}
	}
	if p.Worker == "kernel" && len(p.Leaves) > 0 {
		add(p.where.in("artifacts").fault(true, "%s is done by worker kernel, which leaves no files", p.Name))
	}
	for i, v := range p.Caps {
		if says := noCapability(v); says != "" {
			add(p.where.in("capabilities", strconv.Itoa(i)).fault(false, "%s", says))
		}
	}
}

// notWithin says why a glob is not of files of the repository, or "".
func notWithin(glob string) string {
	parts := strings.Split(glob, "/")
	switch {
	case strings.HasPrefix(glob, "/"):
		return fmt.Sprintf("%s begins at the root: artifacts are relative to the repository", glob)
	case slices.Contains(parts, ".."), slices.Contains(parts, "."), slices.Contains(parts, ""):
		return fmt.Sprintf("%s is no plain path: artifacts are files within the repository", glob)
	}
	return ""
}

func noCapability(text string) string {
	sort, about := Capability(text)
	sorts := []string{CapabilityHost, CapabilityNetwork, CapabilityProtected, CapabilitySystem, CapabilityWrite}
	bare := sort == CapabilityNetwork || sort == CapabilitySystem
	like := map[string]string{CapabilityHost: "host:api.example.com:443", CapabilityProtected: "protected:go.mod", CapabilityWrite: "write:deploy/**"}
	switch {
	case !slices.Contains(sorts, sort):
		return fmt.Sprintf("there is no capability %q%s; there are host:NAME:PORT, network, protected:GLOB, system and write:GLOB", sort, nearestName(sort, sorts))
	case bare && text != sort:
		return fmt.Sprintf("%s stands alone: it is about nothing more", sort)
	case !bare && about == "":
		return fmt.Sprintf("%s says what it is about, as in %s", sort, like[sort])
	}
	if _, port, ok := strings.Cut(about, ":"); sort == CapabilityHost && (!ok || port == "") {
		return fmt.Sprintf("a host is NAME:PORT, and %s has no port", about)
	}
	return ""
}
