//go:build oboro_nonoise

package noise

// Off is true in this build: noise is switched off, for tests only. Nothing
// that such a build releases is private.
const Off = true
