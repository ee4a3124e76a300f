// Package noise draws from the discrete distributions of differential
// privacy exactly: every probability is the mathematical one, given uniform
// random bits.
//
// No draw is decided by a floating-point number. Probabilities such as
// e^(-u/t) are irrational, so each is bracketed by two 64-bit fixed-point
// numbers, a few units in the last place apart, and compared with 64 uniform
// bits. Only if those bits fall between the two (about once in 2⁵⁸ draws) is
// the probability computed to more digits, and more random bits are drawn,
// until the comparison is decided. This is lazy evaluation of one exact
// comparison of a uniform real with a real number, not an approximation.
//
// The distributions are those of Canonne, Kamath and Steinke, "The Discrete
// Gaussian for Differential Privacy" (2020), here called CKS, algorithms 1 to
// 3. Attacks on floating-point noise (Mironov 2012; Haney et al. 2022) have
// nothing to hold on to: noise is a whole number on a public grid.
//
// Randomness is one ChaCha8 stream per worker, keyed by the operating system.
// A normal build has no way to choose the key. Under the build tag
// oboro_nonoise every sampler returns 0 and Off is true, so that tests can
// compare a release with a plain computation; package report repeats Off in
// every claim.
package noise
