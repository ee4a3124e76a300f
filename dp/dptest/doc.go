// Package dptest tests mechanisms that claim differential privacy: those of
// package dp, and anyone's own.
//
//   - Mechanism checks the noise of package dp: exact probabilities, the privacy
//     inequality, the sampler.
//   - Audit is a black box: it runs a program on two neighbouring tables and
//     looks for an event that is more likely on one than ε and δ allow. It states
//     how often it accuses an innocent program, and its power is tested.
//   - Sensitivity goes through all small tables and all their neighbours and
//     finds the greatest change of a function, exactly. Changes that are greater
//     than declared are how most privacy bugs look.
//
// A test can show that a claim is wrong. That it found nothing shows little
// about events it did not look at.
package dptest
