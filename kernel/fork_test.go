package kernel

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"
)

// What a fork answers is what a look at the workspace shows, though it is not read
// back; also where several stand on one version, or on nothing.
func TestForkShowsItself(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	b.write("system", node("/a", 1))
	seq := b.now().seq
	b.write("system", set("/a", 2))
	first := b.new(ForkRequest{})
	b.write("sws:"+first, set("/a", 3))
	for i, r := range []ForkRequest{
		{},
		{},
		{From: "system"},
		{Reason: "a try"},
		{From: "sws:" + first},
		{From: "sws:" + first},
		{From: fmt.Sprintf("sws:%s@%s", first, first[1:])},
		{From: fmt.Sprint("seq:", seq)},
		{From: fmt.Sprint("seq:", seq)},
		{From: fmt.Sprint("seq:", seq+1)},
		{TTL: 2*time.Hour + 1500*time.Microsecond},
		{Private: true},
		{Private: true, Reason: "alone"},
		{},
	} {
		w, err := b.Fork(ctx, ada, r)
		if err != nil {
			t.Fatal(err)
		}
		is, err := b.Workspace(w.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(w, is) {
			t.Errorf("%d, %+v: the fork says\n%+v, and it is\n%+v", i, r, w, is)
		}
		b.clock.pass(time.Second)
	}
	w, err := b.Fork(ctx, keyed("k1"), ForkRequest{})
	again, other := b.Fork(ctx, keyed("k1"), ForkRequest{})
	if err != nil || other != nil || !reflect.DeepEqual(w, again) {
		t.Errorf("one key, and\n%+v %v\n%+v %v", w, err, again, other)
	}
	b.restart()
	for id, want := range map[string]string{first: "3", w.ID: "2"} {
		b.want("sws:"+id, "/a", "x", want)
	}
}
