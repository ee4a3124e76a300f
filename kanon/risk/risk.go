// Package risk measures how far a table identifies the people in it, and how
// much of it survives anonymisation.
//
// Measures of risk take the sizes of equivalence classes, in people, or a
// frequency set; measures of utility take the frequency set of the input and
// what was kept of it. Every measure states its formula and source.
//
// What is measured on the input is about the input: it belongs in an internal
// report, not beside a release.
package risk

import (
	"slices"

	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

// Sizes returns the people of each class of a set, in the order of classes;
// classes without people are left out.
func Sizes(set *kanon.FrequencySet) []int64 {
	var out []int64
	for i := range set.Len() {
		if n := set.ClassSize(i); n > 0 {
			out = append(out, n)
		}
	}
	return out
}

// A Reidentification is the risk that an attacker finds out who people are, all
// shares between 0 and 1. A table without people has none.
type Reidentification struct {
	Highest float64 // of the person easiest to find
	Average float64 // over all people: the share that a marketer finds
	AtRisk  float64 // share of people whose risk is above the threshold asked about
}

// Prosecutor supposes that the attacker knows of a person that they are in the
// table (El Emam, Dankar: Protecting Privacy Using k-Anonymity, 2008). In a
// class of c people the risk is 1/c, so that the highest is 1/min c, and the
// average is the number of classes over that of people.
func Prosecutor(sizes []int64, threshold float64) Reidentification {
	r, _ := Journalist(sizes, sizes, threshold)
	return r
}

// Journalist supposes that the attacker looks a member of the class up in a
// population: with C people of the population in the class the risk is 1/C
// (El Emam, Dankar 2008). populations[i] is that of sizes[i]; one that is
// smaller than the class, or a class of no people, is an error of kind Data.
func Journalist(sizes, populations []int64, threshold float64) (Reidentification, error) {
	if len(sizes) != len(populations) {
		return Reidentification{}, fault.Planf("journalist risk: %d classes and %d populations", len(sizes), len(populations))
	}
	var r Reidentification
	var people float64
	for i, c := range sizes {
		if c <= 0 || populations[i] < c {
			return Reidentification{}, fault.Dataf("journalist risk: a class has no people, or more than its population; give the population that the table is a part of")
		}
		one := 1 / float64(populations[i])
		people += float64(c)
		r.Highest = max(r.Highest, one)
		r.Average += float64(c) * one
		if one > threshold {
			r.AtRisk += float64(c)
		}
	}
	if people > 0 {
		r.Average /= people
		r.AtRisk /= people
	}
	return r, nil
}

// Marketer supposes that the attacker matches everybody and is content with
// many hits: the expected share of right ones, the number of classes over that
// of people.
func Marketer(sizes []int64) float64 { return Prosecutor(sizes, 1).Average }

// spectrum counts classes by size: counts[i] classes have sizes[i] people,
// sizes increasing.
type spectrum struct {
	sizes, counts []float64
	people        float64
	classes       float64
}

func newSpectrum(sizes []int64) spectrum {
	sorted := slices.Clone(sizes)
	slices.Sort(sorted)
	var s spectrum
	for _, n := range sorted {
		if n <= 0 {
			continue
		}
		x := float64(n)
		if k := len(s.sizes); k == 0 || s.sizes[k-1] != x {
			s.sizes, s.counts = append(s.sizes, x), append(s.counts, 0)
		}
		s.counts[len(s.counts)-1]++
		s.people += x
		s.classes++
	}
	return s
}

// of returns the number of classes of a size.
func (s *spectrum) of(size float64) float64 {
	if i, ok := slices.BinarySearch(s.sizes, size); ok {
		return s.counts[i]
	}
	return 0
}
