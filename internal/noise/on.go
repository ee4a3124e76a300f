//go:build !oboro_nonoise

package noise

// Off reports whether noise is switched off, as a test build can do.
const Off = false
