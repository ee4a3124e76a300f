// Package pld computes how much privacy loss a release causes: closed forms
// for Gaussian noise, zero-concentrated and Rényi differential privacy, and a
// numerical accountant on privacy-loss distributions for everything else.
//
// Every result is rounded so that it never claims too little: DeltaUp and
// EpsilonUp are upper bounds of the truth. Bounds are stated where a function
// rounds, with the error of the underlying float64 functions accounted for.
package pld
