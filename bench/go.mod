module jitos.dev/bench

go 1.26.0

require (
	github.com/benbjohnson/immutable v0.4.3
	github.com/cilium/statedb v0.9.4
	github.com/hashicorp/go-immutable-radix/v2 v2.1.0
	github.com/tidwall/btree v1.8.2
	golang.org/x/sys v0.49.0
	jitos.dev v0.0.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/goccy/go-yaml v1.19.2 // indirect
	github.com/hashicorp/golang-lru/v2 v2.0.0 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/kr/pretty v0.3.1 // indirect
	github.com/landlock-lsm/go-landlock v0.11.0 // indirect
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	go.yaml.in/yaml/v3 v3.0.4 // indirect
	golang.org/x/exp v0.0.0-20240119083558-1b970713d09a // indirect
	golang.org/x/text v0.34.0 // indirect
	kernel.org/pub/linux/libs/security/libcap/psx v1.2.77 // indirect
)

replace jitos.dev => ../
