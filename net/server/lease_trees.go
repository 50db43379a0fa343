package server

import (
	"slices"
	"sync"

	"jitos.dev/rmg"
)

// keptTrees is how many trees that went to machines are known still, so that of the
// next one only the difference has to go. They share what they have in common.
const keptTrees = 16

// sentTrees are those that went to machines lately, the latest last. After a restart
// there are none, and whole trees go again.
type sentTrees struct {
	sync.Mutex // guards list
	list       []sentTree
}

type sentTree struct {
	root   rmg.Path
	digest rmg.Digest
	world  rmg.Graph
}

// any is the latest tree among those that a machine says it has.
func (s *sentTrees) any(root rmg.Path, have []string) (rmg.Digest, rmg.Graph, bool) {
	s.Lock()
	defer s.Unlock()
	for _, t := range slices.Backward(s.list) {
		if t.root == root && slices.Contains(have, t.digest.String()) {
			return t.digest, t.world, true
		}
	}
	return rmg.Digest{}, rmg.Graph{}, false
}

// keep notes that a tree went out.
func (s *sentTrees) keep(root rmg.Path, digest rmg.Digest, world rmg.Graph) {
	s.Lock()
	defer s.Unlock()
	s.list = slices.DeleteFunc(s.list, func(t sentTree) bool { return t.root == root && t.digest == digest })
	s.list = append(s.list, sentTree{root, digest, world})
	s.list = s.list[max(0, len(s.list)-keptTrees):]
}
