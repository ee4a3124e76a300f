package risk

import (
	"math"

	"gonum.org/v1/gonum/mathext"

	"github.com/oboro-data/oboro/internal/fault"
)

// An Estimate is an estimated number of people who are unique in the population
// from which the table is a simple random sample.
type Estimate struct {
	Uniques float64 // people of the population alone in their class
	Model   string  // "pitman", "zayatz", "snb"; "none" where the sample has no unique person
	// Valid is false where the model does not fit the table: its equations have
	// no solution, or one outside 0 to the population.
	Valid bool
}

// Dankar chooses an estimator by the sampling fraction f = n/N (Dankar, El
// Emam, Neisa, Roffey: Estimating the Re-Identification Risk of Clinical Data
// Sets, 2012): Pitman's model up to f = 0.1, above it the lesser of the shifted
// negative binomial model and Zayatz's estimate. Zayatz's also stands in for a
// model that does not fit. Without a unique person in the sample it is 0.
//
// A population smaller than the sample is an error of kind Plan, for every
// estimator.
func Dankar(sizes []int64, population int64) (Estimate, error) {
	s, err := sample(sizes, population)
	if err != nil || s.of(1) == 0 {
		return Estimate{Model: "none", Valid: err == nil}, err
	}
	zayatz := s.zayatz(float64(population))
	if s.people/float64(population) <= 0.1 {
		if p := s.pitman(float64(population)); p.Valid {
			return p, nil
		}
		return zayatz, nil
	}
	if b := s.snb(float64(population)); b.Valid && b.Uniques <= zayatz.Uniques {
		return b, nil
	}
	return zayatz, nil
}

// Zayatz estimates by Bayes' rule (Zayatz: Estimation of the Percent of Unique
// Population Elements on a Microdata File, 1991). Take the sample's class sizes
// for those of the population; a class of j people of N shows exactly one of
// them in a sample of n with the hypergeometric probability h(j). With c_j the
// classes of j people and u all classes, a unique person of the sample is unique
// in the population with probability
//
//	(c_1/u)·h(1) / Σ_j (c_j/u)·h(j)
//
// and the population has c_1·(that)·N/n unique people.
func Zayatz(sizes []int64, population int64) (Estimate, error) {
	s, err := sample(sizes, population)
	if err != nil || s.of(1) == 0 {
		return Estimate{Model: "none", Valid: err == nil}, err
	}
	return s.zayatz(float64(population)), nil
}

func (s *spectrum) zayatz(population float64) Estimate {
	var all float64
	for i, j := range s.sizes {
		all += s.counts[i] * oneOf(j, population, s.people)
	}
	unique := s.of(1) * oneOf(1, population, s.people) / all
	e := Estimate{s.of(1) * unique * population / s.people, "zayatz", true}
	e.Valid = e.Uniques >= 0 && e.Uniques <= population
	return e
}

// oneOf returns the hypergeometric probability that a sample of n of N people
// holds exactly one of j: j·C(N-j, n-1)/C(N, n), 0 where the others do not fit
// outside the sample.
func oneOf(j, population, n float64) float64 {
	if population-j < n-1 {
		return 0
	}
	return math.Exp(math.Log(j) + logChoose(population-j, n-1) - logChoose(population, n))
}

func logChoose(n, k float64) float64 { return logGamma(n+1) - logGamma(k+1) - logGamma(n-k+1) }

func logGamma(x float64) float64 {
	l, _ := math.Lgamma(x)
	return l
}

// Pitman estimates by Pitman's sampling model (Hoshino: Applying Pitman's
// Sampling Formula to Microdata Disclosure Risk Assessment, 2001). The class
// sizes of a sample of n in u classes, c_j of them of j people, have, but for a
// constant, the log-likelihood
//
//	Σ_{i=1..u-1} ln(θ+i·α) - Σ_{i=1..n-1} ln(θ+i) + Σ_j c_j Σ_{l=1..j-1} ln(l-α)
//
// with 0 < α < 1 and θ > -α. Its maximum is found for θ by bisection of the
// derivative, which falls through zero once, inside a golden-section search for
// α. A population of N has then about
//
//	Γ(θ+1)/Γ(θ+α)·N^α
//
// unique people. It fits only tables with large classes too: if the maximum
// lies on the border, the estimate is not valid.
func Pitman(sizes []int64, population int64) (Estimate, error) {
	s, err := sample(sizes, population)
	if err != nil || s.of(1) == 0 {
		return Estimate{Model: "none", Valid: err == nil}, err
	}
	return s.pitman(float64(population)), nil
}

func (s *spectrum) pitman(population float64) Estimate {
	e := Estimate{Model: "pitman"}
	if s.classes < 2 || s.classes == s.people {
		return e
	}
	const low, high = 1e-6, 1 - 1e-6
	golden := (math.Sqrt(5) - 1) / 2
	a, b := low, high
	for b-a > 1e-10 {
		x, y := b-golden*(b-a), a+golden*(b-a)
		if s.pitmanLikelihood(x) < s.pitmanLikelihood(y) {
			a = x
		} else {
			b = y
		}
	}
	alpha := (a + b) / 2
	theta := s.pitmanTheta(alpha)
	e.Uniques = math.Exp(logGamma(theta+1) - logGamma(theta+alpha) + alpha*math.Log(population))
	e.Valid = alpha > 2*low && alpha < 1-2*low && theta < maxTheta/2 && e.Uniques >= 0 && e.Uniques <= population
	return e
}

const maxTheta = 1e12

// pitmanTheta returns the θ of greatest likelihood for an α.
func (s *spectrum) pitmanTheta(alpha float64) float64 {
	// d/dθ: Σ 1/(θ+iα) - Σ 1/(θ+i), in digamma functions.
	slope := func(theta float64) float64 {
		return (mathext.Digamma(theta/alpha+s.classes)-mathext.Digamma(theta/alpha+1))/alpha -
			(mathext.Digamma(theta+s.people) - mathext.Digamma(theta+1))
	}
	// θ = -α + e^x.
	low, high := math.Log(1e-9), math.Log(maxTheta)
	for range 200 {
		mid := (low + high) / 2
		if slope(math.Exp(mid)-alpha) > 0 {
			low = mid
		} else {
			high = mid
		}
	}
	return math.Exp(low) - alpha
}

// pitmanLikelihood returns the greatest log-likelihood for an α.
func (s *spectrum) pitmanLikelihood(alpha float64) float64 {
	theta := s.pitmanTheta(alpha)
	l := (s.classes-1)*math.Log(alpha) + logGamma(theta/alpha+s.classes) - logGamma(theta/alpha+1) -
		(logGamma(theta+s.people) - logGamma(theta+1))
	for i, j := range s.sizes {
		l += s.counts[i] * (logGamma(j-alpha) - logGamma(1-alpha))
	}
	return l
}

// SNB estimates by the shifted negative binomial model (Chen, Keller-McNulty:
// Estimation of Identification Disclosure Risk in Microdata, 1998): K classes of
// the population have 1 + NegativeBinomial(α, β) people each, so that K·β^α are
// unique. Each person is in the sample with probability f. The generating
// function of a class of the sample is
//
//	H(z) = w·(β/(1-(1-β)·w))^α,   w = 1-f+f·z,
//
// and with d = (1-f)·(1-β), D = 1-d, its derivatives at 0 give the expected
// classes of one and of two people:
//
//	c_1 = K·f·(β/D)^α·(1 + α·d/D)
//	c_2 = K·α·β^α·f²·(1-β)/2·D^-(α+2)·(2 - (1-α)·d)
//
// K is Shlosser's estimate as modified by Haas and Stokes (Estimating the
// Number of Classes in a Finite Population, 1998, D_Sh3). c_2/c_1 does not
// depend on K and grows with α, so each β has one α; β is then bisected
// between two grid points at which c_1 lies on both sides.
func SNB(sizes []int64, population int64) (Estimate, error) {
	s, err := sample(sizes, population)
	if err != nil || s.of(1) == 0 {
		return Estimate{Model: "none", Valid: err == nil}, err
	}
	return s.snb(float64(population)), nil
}

func (s *spectrum) snb(population float64) Estimate {
	e := Estimate{Model: "snb"}
	f := s.people / population
	c1, c2 := s.of(1), s.of(2)
	if c2 == 0 || f >= 1 {
		return e
	}
	k := s.shlosser(f)
	alphaOf := func(beta float64) (float64, bool) {
		d := (1 - f) * (1 - beta)
		ratio := func(a float64) float64 {
			return a * f * (1 - beta) / 2 * (2 - (1-a)*d) / ((1 - d) * (1 - d)) / (1 + a*d/(1-d))
		}
		low, high := 1e-9, 1e9
		if ratio(low) > c2/c1 || ratio(high) < c2/c1 {
			return 0, false
		}
		for range 200 {
			if mid := math.Sqrt(low * high); ratio(mid) < c2/c1 {
				low = mid
			} else {
				high = mid
			}
		}
		return low, true
	}
	excess := func(beta float64) (float64, bool) {
		a, ok := alphaOf(beta)
		d := (1 - f) * (1 - beta)
		return k*f*math.Pow(beta/(1-d), a)*(1+a*d/(1-d)) - c1, ok
	}
	const grid = 4000
	before, known := 0.0, false
	for i := 1; i < grid; i++ {
		beta := float64(i) / grid
		x, ok := excess(beta)
		if ok && known && (x > 0) != (before > 0) {
			low, high := beta-1.0/grid, beta
			for range 100 {
				mid := (low + high) / 2
				if y, _ := excess(mid); (y > 0) == (before > 0) {
					low = mid
				} else {
					high = mid
				}
			}
			a, _ := alphaOf(low)
			e.Uniques = k * math.Pow(low, a)
			e.Valid = e.Uniques >= 0 && e.Uniques <= population
			return e
		}
		before, known = x, ok
	}
	return e
}

// shlosser estimates the number of classes of the population from the sample:
//
//	u + c_1·(Σ j·f²(1-f²)^(j-1)·c_j / Σ (1-f)^j·((1+f)^j-1)·c_j)·(Σ (1-f)^j·c_j / Σ j·f·(1-f)^(j-1)·c_j)²
func (s *spectrum) shlosser(f float64) float64 {
	var a, b, c, d float64
	for i, j := range s.sizes {
		n := s.counts[i]
		a += n * j * f * f * math.Pow(1-f*f, j-1)
		b += n * math.Pow(1-f, j) * (math.Pow(1+f, j) - 1)
		c += n * math.Pow(1-f, j)
		d += n * j * f * math.Pow(1-f, j-1)
	}
	return s.classes + s.of(1)*(a/b)*(c/d)*(c/d)
}

// sample checks that the classes can be a sample of the population.
func sample(sizes []int64, population int64) (spectrum, error) {
	s := newSpectrum(sizes)
	if float64(population) < s.people || population < 1 {
		return s, fault.Planf("population uniqueness: the population is smaller than the table; give the number of people it was sampled from")
	}
	return s, nil
}
