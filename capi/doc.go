//go:build cgo

// Command capi is oboro as a C library: build it with
//
//	go build -buildmode=c-shared -o liboboro.so ./capi
//
// or by `make capi`, which exports the functions of oboro.h and no others.
// oboro.h is the documentation.
//
// A call enters through a C function in entry.c, which checks for a fork and
// for null arguments, and goes on in a Go function of the same name, where
// panics become errors. Nothing that the caller holds points into Go memory: a
// handle is a number, all text and tables are C memory with C release
// functions (internal/cdata).
package main

func main() {}
