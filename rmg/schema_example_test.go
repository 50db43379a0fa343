package rmg_test

import (
	"errors"
	"fmt"

	"jitos.dev/rmg"
)

// A schema is written as any part of the graph is, and holds from then on.
func ExampleSchemas() {
	o := rmg.NewOverlay(rmg.Graph{})
	add := func(p rmg.Path, kind string, props map[string]rmg.Value) error {
		return o.AddNode(p, kind, rmg.PropsOf(props))
	}
	err := errors.Join(
		add("/kind", "Folder", nil),
		add("/kind/Service", "Kind", nil),
		add("/kind/Service/lang", "Prop", map[string]rmg.Value{"type": rmg.String("string"), "required": rmg.Bool(true)}),
		add("/kind/Service/port", "Prop", map[string]rmg.Value{"type": rmg.String("int"), "default": rmg.Int(80)}),
		o.Set("/kind/Service", map[string]rmg.Value{"closed": rmg.Bool(true)}),
		add("/auth", "Service", map[string]rmg.Value{"lang": rmg.String("go")}),
	)
	fmt.Println(err)

	auth, _ := o.Get("/auth")
	fmt.Println(auth.Props.Int("port"))
	fmt.Println(o.Set("/auth", map[string]rmg.Value{"lang": rmg.Int(1)}))
	fmt.Println(o.Set("/auth", map[string]rmg.Value{"owner": rmg.String("ann")}))
	fmt.Println(o.Set("/kind/Service/port", map[string]rmg.Value{"type": rmg.String("string"), "default": {}}))
	// Output:
	// <nil>
	// 80
	// set /auth: kind Service: prop lang is int, the schema wants string
	// set /auth: kind Service: prop owner is not declared, the schema is closed
	// set /kind/Service/port: the graph does not satisfy it in 1 place: /auth: kind Service: prop port is int, the schema wants string
}
