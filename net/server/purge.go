package server

import (
	"fmt"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
)

func (x *exchange) purge() (any, error) {
	var in wire.PurgeRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	p, err := x.s.opt.Kernel.Purge(x.r.Context(), x.caller, kernel.PurgeRequest{What: in.What, Reason: in.Reason})
	if err != nil {
		return nil, err
	}
	out := wire.PurgeAnswer{Seq: p.Seq, Sums: []wire.Blob{}, Left: append([]string{}, p.Left...)}
	for _, b := range p.Sums {
		out.Sums = append(out.Sums, wire.Blob{SHA256: fmt.Sprintf("%x", b.Sum), Size: b.Size})
	}
	return out, nil
}
