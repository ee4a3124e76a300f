package main

import "math"

// An estimate is a measure of error over many trials, and its relative standard
// error.
type estimate struct {
	figure, relative float64
	trials           int
}

// rootMeanSquare is the root of the mean of squared errors. By the delta
// method its relative standard error is half that of the mean of squares.
func rootMeanSquare(errs []float64) estimate {
	squares := make([]float64, len(errs))
	for i, e := range errs {
		squares[i] = e * e
	}
	m := meanOf(squares)
	return estimate{math.Sqrt(m.figure), m.relative / 2, len(errs)}
}

// meanAbsolute is the mean of absolute errors.
func meanAbsolute(errs []float64) estimate {
	abs := make([]float64, len(errs))
	for i, e := range errs {
		abs[i] = math.Abs(e)
	}
	return meanOf(abs)
}

func meanOf(xs []float64) estimate {
	var sum, squares float64
	for _, x := range xs {
		sum += x
	}
	mean := sum / float64(len(xs))
	for _, x := range xs {
		squares += (x - mean) * (x - mean)
	}
	n := float64(len(xs))
	return estimate{mean, math.Sqrt(squares/(n*(n-1))) / mean, len(xs)}
}

// A comparison is the error of one statistic in both libraries.
type comparison struct {
	Statistic, Setting, Measure string
	Ours, Theirs                estimate
	Wanted                      float64 // the ratio aimed at, 0 for none
}

// ratio is how many times larger the library's error is than oboro's.
func (c comparison) ratio() float64 { return c.Theirs.figure / c.Ours.figure }

// margin is two standard errors of the ratio.
func (c comparison) margin() float64 {
	return 2 * c.ratio() * math.Hypot(c.Ours.relative, c.Theirs.relative)
}
