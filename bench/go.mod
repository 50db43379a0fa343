module jitos.dev/bench

go 1.26.0

require (
	golang.org/x/sys v0.49.0
	jitos.dev v0.0.0
)

require (
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/landlock-lsm/go-landlock v0.11.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	kernel.org/pub/linux/libs/security/libcap/psx v1.2.77 // indirect
)

replace jitos.dev => ../
