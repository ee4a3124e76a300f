package pld

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/oboro-data/oboro/internal/golden"
)

// first returns the first problem.
func first(problems ...string) string {
	for _, p := range problems {
		if p != "" {
			return p
		}
	}
	return ""
}

// noiseOf is the noise of a case, by the name of its category.
func noiseOf(c golden.Case) Noise {
	switch in := c.Inputs; {
	case in.Has("parameter") && contains(c.Category, "discrete_laplace"):
		return DiscreteLaplaceNoise{in.Num("parameter")}
	case in.Has("parameter"):
		return LaplaceNoise{in.Num("parameter")}
	case in.Has("sigma"):
		bound := int64(0)
		if in.Has("truncation_bound") {
			bound = int64(in.Num("truncation_bound"))
		}
		return NewDiscreteGaussianNoise(in.Num("sigma"), bound)
	default:
		return GaussianNoise{in.Num("standard_deviation")}
	}
}

func contains(s, sub string) bool {
	for i := range len(s) - len(sub) + 1 {
		if s[i:i+len(sub)] == sub {
			return true
		}
	}
	return false
}

// pairOf is the pair of a case in its direction.
func pairOf(c golden.Case) Pair {
	in := c.Inputs
	n, remove := noiseOf(c), in.Text("adjacency_type") != "AdjacencyType.ADD"
	if list := in.Nums("sensitivities"); list != nil {
		return Pair{Noise: n, Shifts: list, Weights: in.Nums("sampling_probs"), Remove: remove}
	}
	s, q := 1.0, 1.0
	if in.Has("sensitivity") {
		s = in.Num("sensitivity")
	}
	if in.Has("sampling_prob") {
		q = in.Num("sampling_prob")
	}
	p := Sampled(n, s, q, remove)
	p.Replace = in.Text("adjacency_type") == "AdjacencyType.REPLACE"
	return p
}

func compareMass(c golden.Case, l *Loss, want map[string]float64, infinite float64) string {
	return compareMassWithin(c, l, want, infinite, 2e-6)
}

func compareMassWithin(c golden.Case, l *Loss, want map[string]float64, infinite, tolerance float64) string {
	sum := 0.0
	for key, w := range want {
		k, err := strconv.ParseFloat(key, 64)
		if err != nil {
			return "unreadable key"
		}
		i := int(k) - l.First
		got := 0.0
		if i >= 0 && i < len(l.Mass) {
			got = l.Mass[i]
		}
		if math.Abs(got-w) > tolerance {
			return fmt.Sprintf("at %s: got %.9g, want %.9g (all %v from %d)", key, got, w, l.Mass[:min(20, len(l.Mass))], l.First)
		}
		sum += w
	}
	if !math.IsNaN(infinite) && math.Abs(l.Infinite-infinite) > tolerance {
		return fmt.Sprintf("infinite mass: got %.9g, want %.9g", l.Infinite, infinite)
	}
	return ""
}

// bothWays checks expected_rounded_pmf_add and …_remove on a grid of step.
func bothWays(r Rounding, step, cut float64) golden.Check {
	return func(c golden.Case) string {
		p := pairOf(c)
		if c.Inputs.Text("neighbor_rel") == "NeighboringRelation.REPLACE_ONE" {
			p.Replace = true
			return compareMass(c, discretize(p, step, r, cut), c.Expected.Map("expected_rounded_pmf_add"), c.Expected.Any("expected_infinity_mass_add"))
		}
		problem := ""
		for _, way := range []string{"add", "remove"} {
			p.Remove = way == "remove"
			problem = first(problem, compareMass(c, discretize(p, step, r, cut),
				c.Expected.Map("expected_rounded_pmf_"+way), c.Expected.Any("expected_infinity_mass_"+way)))
		}
		return problem
	}
}

// oneWay checks expected_rounded_pmf for noise of parameter 1 and sensitivity 1.
func oneWay(n Noise, r Rounding, step, cut float64) golden.Check {
	return func(c golden.Case) string {
		h, noise := step, n
		if c.Inputs.Has("value_discretization_interval") {
			h = c.Inputs.Num("value_discretization_interval")
		}
		if c.Inputs.Has("truncation_bound") {
			noise = NewDiscreteGaussianNoise(1, int64(c.Inputs.Num("truncation_bound")))
		}
		return compareMass(c, discretize(Shift(noise, 1, false), h, r, cut),
			c.Expected.Map("expected_rounded_pmf"), c.Expected.Any("expected_infinity_mass"))
	}
}

func deltas(c golden.Case) string {
	p, problem := pairOf(c), ""
	if c.Inputs.Has("epsilon") {
		return c.Near(p.Delta(c.Inputs.Num("epsilon")), c.Expected.Num("expected_delta"), 1e-7)
	}
	want := c.Expected.Nums("expected_delta_values")
	for i, e := range c.Inputs.Nums("epsilon_values") {
		problem = first(problem, c.Near(p.Delta(e), want[i], 1e-7))
	}
	return problem
}

func losses(c golden.Case) string {
	return c.Near(pairOf(c).Loss(c.Inputs.Num("x")), c.Expected.Num("expected_privacy_loss"), 1e-7)
}

func inverses(c golden.Case) string {
	return c.Near(pairOf(c).Inverse(c.Inputs.Num("privacy_loss")), c.Expected.Num("expected_x"), 1e-6)
}

// parameterOf checks a calibrated parameter: it is the least noise for which
// the pair has the wanted δ; but for Gaussian noise, in both directions. Laplace
// noise is calibrated to δ = 0. (Expected values are printed with three digits
// or more.)
func parameterOf(field string, greater bool) golden.Check {
	return func(c golden.Case) string {
		want := c.Expected.Num(field)
		epsilon, delta := c.Inputs.Num("epsilon"), c.Inputs.Num("delta")
		if field == "expected_parameter" {
			delta = 0
		}
		private := func(x float64) bool {
			in := golden.Fields{"sigma": nil}
			for k, v := range c.Inputs {
				in[k] = v
			}
			switch field {
			case "expected_parameter":
				in["parameter"] = x
			case "expected_sigma":
				in["sigma"] = x
			default:
				in["standard_deviation"] = x
			}
			d := c
			d.Inputs = in
			p := pairOf(d)
			there := p.Delta(epsilon)
			if field == "expected_standard_deviation" {
				return there <= delta*(1+1e-6)
			}
			p.Remove = !p.Remove
			return math.Max(there, p.Delta(epsilon)) <= delta*(1+1e-6)+1e-9
		}
		more, less := want*1.002, want*0.998
		if !greater { // a greater parameter is less noise
			more, less = less, more
		}
		if !private(more) || private(less) {
			return fmt.Sprintf("%g is not the least parameter", want)
		}
		return ""
	}
}

func TestGolden(t *testing.T) {
	// The cut of the other library's tests: everything below -0.9σ.
	cut := GaussianTail(0.9)
	step := 1.0
	checks := map[string]golden.Check{
		"gaussian_delta": func(c golden.Case) string {
			in := c.Inputs
			if in.Num("sigma") == 0 {
				return c.Near(GaussianDeltaUp(math.Inf(1), in.Num("epsilon")), c.Expected.Any("wantDelta", "delta"), 0)
			}
			l2 := in.Any("l2", "lInfSensitivity")
			if in.Has("l0Sensitivity") {
				l2 *= math.Sqrt(in.Num("l0Sensitivity"))
			}
			tol := 1e-9
			if in.Has("allowError") {
				tol = math.Max(in.Num("allowError"), 1e-12)
			}
			return c.Near(GaussianDeltaUp(l2/in.Num("sigma"), in.Num("epsilon")), c.Expected.Any("wantDelta", "delta"), tol)
		},
		"gaussian_sigma_inverts_delta": func(c golden.Case) string {
			in := c.Inputs
			mu := in.Num("lInfSensitivity") * math.Sqrt(in.Num("l0Sensitivity")) / in.Num("sigma")
			return c.Near(GaussianMuDown(in.Num("epsilon"), GaussianDeltaUp(mu, in.Num("epsilon"))), mu, 1e-9)
		},
		"gaussian_epsilon": func(c golden.Case) string {
			in := c.Inputs
			return c.Near(GaussianEpsilonUp(in.Num("l2")/in.Num("sigma"), in.Num("delta")), c.Expected.Num("epsilon"), 1e-9)
		},
		"gaussian_sigma": func(c golden.Case) string {
			in := c.Inputs
			l2 := in.Any("l2", "linf")
			if in.Has("l0") {
				l2 *= math.Sqrt(in.Num("l0"))
			}
			tol := 1e-9
			if contains(c.Note, "search slack") {
				tol, c.Tolerance = 1e-3, 0
			}
			return c.Near(l2/GaussianMuDown(in.Num("epsilon"), in.Num("delta")), c.Expected.Num("std"), tol)
		},
		"gaussian_composition_exact_epsilon": func(c golden.Case) string {
			in := c.Inputs
			mu := math.Sqrt(in.Num("compositions")) / in.Num("noise_multiplier")
			return c.Near(GaussianEpsilonUp(mu, in.Num("delta")), c.Expected.Num("epsilon"), 1e-9)
		},
		"gaussian_threshold_epsilon_from_sigma": func(c golden.Case) string {
			in := c.Inputs
			return c.Near(GaussianEpsilonUp(1/in.Num("sigma"), in.Num("delta")), c.Expected.Num("epsilon"), 1e-5)
		},
		"zcdp_delta": func(c golden.Case) string {
			return c.Near(ZCDPDeltaUp(c.Inputs.Num("rho"), c.Inputs.Num("epsilon")), c.Expected.Num("delta"), 1e-10)
		},
		"gaussian_zcdp_map": func(c golden.Case) string {
			return c.Near(GaussianRDP(c.Inputs.Num("l2")/c.Inputs.Num("scale"), 2).Epsilon/2, c.Expected.Num("rho"), 1e-12)
		},
		"rdp_gaussian_epsilon": func(c golden.Case) string {
			in := c.Inputs
			mu := math.Sqrt(in.Num("compositions")) / in.Num("noise_multiplier")
			best := math.Inf(1)
			for a := 1.01; a < 1100; a *= 1.001 {
				best = math.Min(best, GaussianRDP(mu, a).EpsilonUp(in.Num("delta")))
			}
			// An upper bound on a coarser grid of orders: ours lies between it
			// and the exact value.
			if want := c.Expected.Num("epsilon"); best > want*(1+1e-6) || best < GaussianEpsilonUp(mu, in.Num("delta")) {
				return fmt.Sprintf("%g is not between the exact value and %g", best, want)
			}
			return ""
		},
		"pld_laplace_delta": func(c golden.Case) string {
			in := c.Inputs
			p := Shift(LaplaceNoise{in.Num("scale")}, in.Num("sensitivity"), true)
			l := Discretize(p, in.Num("value_discretization_interval"), ConnectDots).Power(int(in.Num("compositions")), 1e-15)
			return c.Near(l.DeltaUp(in.Num("epsilon")), c.Expected.Num("delta"), 1e-9)
		},
		"pld:test_get_smallest_discrete_laplace_noise": func(c golden.Case) string {
			in := c.Inputs
			delta := func(a float64) float64 {
				return Discretize(Shift(DiscreteLaplaceNoise{a}, in.Num("sensitivity"), true), 1e-4, ConnectDots).
					Power(int(in.Num("num_queries")), 1e-15).DeltaUp(in.Num("epsilon"))
			}
			a := c.Expected.Num("expected_parameter")
			if delta(a*0.99) > in.Num("delta")+1e-9 || delta(a*1.01) <= in.Num("delta") {
				return fmt.Sprintf("%g is not the least parameter", a)
			}
			return ""
		},
		"pld:test_get_smallest_gaussian_noise": func(c golden.Case) string {
			in := c.Inputs
			s := in.Num("sensitivity") * math.Sqrt(in.Num("num_queries")) / GaussianMuDown(in.Num("epsilon"), in.Num("delta"))
			return c.Near(s, c.Expected.Num("expected_std"), 1e-6)
		},
		"pld:test_get_smallest_subsampled_gaussian_noise": func(c golden.Case) string {
			in := c.Inputs
			delta := func(s float64) (worst float64) {
				for _, remove := range []bool{false, true} {
					p := Sampled(GaussianNoise{s}, in.Num("sensitivity"), in.Num("sampling_prob"), remove)
					l := Discretize(p, 1e-4, ConnectDots).Power(int(in.Num("num_queries")), 1e-15)
					worst = math.Max(worst, l.DeltaUp(in.Num("epsilon")))
				}
				return worst
			}
			s := c.Expected.Num("expected_std")
			if delta(s*1.002) > in.Num("delta") || delta(s*0.998) <= in.Num("delta") {
				return fmt.Sprintf("%g is not the least σ", s)
			}
			return ""
		},
		"pld:test_advanced_composition": func(c golden.Case) string {
			in := c.Inputs
			got := Approx(in.Num("epsilon"), in.Num("delta"), 1).Power(int(in.Num("num_queries")), 0).EpsilonUp(in.Num("total_delta") + 1e-12)
			if !c.Expected.Has("expected_total_epsilon") {
				return first(c.Near(got, math.Inf(1), 0))
			}
			// The theorem gives multiples of ε; the loss distribution is finer.
			if want := c.Expected.Num("expected_total_epsilon"); got > want+1e-9 || got < want-2*in.Num("epsilon") {
				return fmt.Sprintf("got %g, want %g or up to two steps less", got, want)
			}
			return ""
		},
		"pld:test_get_smallest_epsilon_from_advanced_composition": func(c golden.Case) string {
			in := c.Inputs
			total := func(e float64) float64 {
				return Approx(e, in.Num("delta"), e).Power(int(in.Num("num_queries")), 0).EpsilonUp(in.Num("total_delta") + 1e-12)
			}
			if !c.Expected.Has("expected_epsilon") {
				return c.Near(total(1e-3), math.Inf(1), 0)
			}
			e := c.Expected.Num("expected_epsilon")
			if got, want := total(e), in.Num("total_epsilon"); got > want+1e-9 || got < want-2*e {
				return fmt.Sprintf("at %g: total %g, want %g", e, got, want)
			}
			return ""
		},
		"pld:test_self_compose_sparse": func(c golden.Case) string {
			return selfCompose(c, &Loss{Step: 1, First: -1, Mass: []float64{0.2, 0.7}})
		},
		"pld:test_self_compose_dense_probs": func(c golden.Case) string {
			return selfCompose(c, &Loss{Step: 1, First: -1, Mass: []float64{0.2, 0.7}})
		},
		"pld:test_randomized_response": func(c golden.Case) string {
			p, q := special(c)
			e := 0.0
			for _, pq := range [][2][]float64{{p, q}, {q, p}} {
				e = math.Max(e, Finite(pq[0], pq[1], 1e-6, RoundUp).EpsilonUp(0))
			}
			return c.Near(e, c.Expected.Num("expected_epsilon"), 2e-6)
		},
		"pld:test_randomized_response_pessimistic":                                          response(1, RoundUp),
		"pld:test_randomized_response_discretization":                                       response(1, RoundUp),
		"pld:test_laplace_varying_parameter_and_sensitivity":                                bothWays(RoundUp, step, cut),
		"pld:test_laplace_varying_parameter_and_sensitivity_connect_dots":                   bothWays(ConnectDots, step, cut),
		"pld:test_gaussian_varying_standard_deviation_and_sensitivity":                      bothWays(RoundUp, step, cut),
		"pld:test_gaussian_varying_standard_deviation_and_sensitivity_connect_dots":         bothWays(ConnectDots, step, cut),
		"pld:test_discrete_laplace_varying_parameter_and_sensitivity":                       bothWays(RoundUp, step, cut),
		"pld:test_discrete_laplace_varying_parameter_and_sensitivity_connect_dots":          bothWays(ConnectDots, step, cut),
		"pld:test_discrete_gaussian_varying_sigma_and_sensitivity":                          discreteGaussianBothWays(RoundUp),
		"pld:test_discrete_gaussian_varying_sigma_and_sensitivity_connect_dots":             discreteGaussianBothWays(ConnectDots),
		"pld:test_laplace_discretization":                                                   oneWay(LaplaceNoise{1}, RoundUp, step, cut),
		"pld:test_laplace_discretization_connect_dots":                                      oneWay(LaplaceNoise{1}, ConnectDots, step, cut),
		"pld:test_gaussian_discretization":                                                  oneWay(GaussianNoise{1}, RoundUp, step, cut),
		"pld:test_gaussian_discretization_connect_dots":                                     oneWay(GaussianNoise{1}, ConnectDots, step, cut),
		"pld:test_discrete_laplace_discretization":                                          oneWay(DiscreteLaplaceNoise{1}, RoundUp, step, cut),
		"pld:test_discrete_laplace_discretization_connect_dots":                             oneWay(DiscreteLaplaceNoise{1}, ConnectDots, step, cut),
		"pld:test_discrete_gaussian_truncation":                                             oneWay(nil, RoundUp, 1e-4, cut),
		"pld:test_laplace_varying_parameter_and_sensitivity_optimistic":                     bothWays(RoundDown, step, cut),
		"pld:test_gaussian_varying_standard_deviation_and_sensitivity_optimistic":           bothWays(RoundDown, step, cut),
		"pld:test_discrete_laplace_varying_parameter_and_sensitivity_optimistic":            bothWays(RoundDown, step, cut),
		"pld:test_discrete_gaussian_varying_sigma_and_sensitivity_optimistic":               discreteGaussianBothWays(RoundDown),
		"pld:test_randomized_response_optimistic":                                           response(1, RoundDown),
		"pld:test_randomized_response_tpr":                                                  power,
		"pld:test_randomized_response_tpr_at_extreme_fprs":                                  power,
		"pld:test_laplace_privacy_loss_tail":                                                tails,
		"pld:test_gaussian_privacy_loss_tail":                                               tails,
		"pld:test_discrete_laplace_privacy_loss_tail":                                       tails,
		"pld:test_discrete_gaussian_privacy_loss_tail":                                      tails,
		"pld:test_laplace_connect_dots_bounds":                                              dotsBounds,
		"pld:test_gaussian_connect_dots_bounds":                                             dotsBounds,
		"pld:test_discrete_laplace_connect_dots_bounds":                                     dotsBounds,
		"pld:test_discrete_gaussian_connect_dots_bounds":                                    dotsBounds,
		"pld:test_mixture_gaussian_varying_standard_deviation_and_sensitivity":              mixture(RoundUp),
		"pld:test_mixture_gaussian_varying_standard_deviation_and_sensitivity_connect_dots": mixture(ConnectDots),
		"pld:test_mixture_gaussian_discretization":                                          mixture(RoundUp),
		"pld:test_mixture_gaussian_discretization_connect_dots":                             mixture(ConnectDots),
		"pld:test_truncated_gaussian_varying_dataset_size":                                  truncatedBatch(RoundUp),
		"pld:test_truncated_gaussian_varying_dataset_size_connect_dots":                     truncatedBatch(ConnectDots),
		"pld:test_laplace_privacy_loss":                                                     losses,
		"pld:test_gaussian_privacy_loss":                                                    losses,
		"pld:test_discrete_laplace_privacy_loss":                                            losses,
		"pld:test_discrete_gaussian_privacy_loss":                                           losses,
		"pld:test_privacy_loss":                                                             losses,
		"pld:test_laplace_inverse_privacy_loss":                                             inverses,
		"pld:test_gaussian_inverse_privacy_loss":                                            inverses,
		"pld:test_discrete_laplace_inverse_privacy_loss":                                    inverses,
		"pld:test_discrete_gaussian_inverse_privacy_loss":                                   inverses,
		"pld:test_laplace_get_delta_for_epsilon":                                            deltas,
		"pld:test_laplace_get_delta_for_epsilon_vectorized":                                 deltas,
		"pld:test_gaussian_get_delta_for_epsilon":                                           deltas,
		"pld:test_gaussian_get_delta_for_epsilon_vectorized":                                deltas,
		"pld:test_discrete_laplace_get_delta_for_epsilon":                                   deltas,
		"pld:test_discrete_laplace_get_delta_for_epsilon_vectorized":                        deltas,
		"pld:test_discrete_gaussian_get_delta_for_epsilon":                                  deltas,
		"pld:test_discrete_gaussian_get_delta_for_epsilon_vectorized":                       deltas,
		"pld:test_get_delta_for_epsilon":                                                    deltas,
		"pld:test_laplace_from_privacy_parameters":                                          parameterOf("expected_parameter", true),
		"pld:test_discrete_laplace_from_privacy_parameters":                                 parameterOf("expected_parameter", false),
		"pld:test_gaussian_from_privacy_parameters":                                         parameterOf("expected_standard_deviation", true),
		"pld:test_discrete_gaussian_from_privacy_parameters":                                parameterOf("expected_sigma", true),
		"rdp:test_compute_rdp_randomized_response_replace_special":                          responseRDP(special),
		"rdp:test_compute_rdp_randomized_response_replace_one":                              responseRDP(replaced),
		"rdp:test_compute_rdp_randomized_response_boundary":                                 responseRDP(replaced),
		"rdp:test_compute_rdp_randomized_response_inf_order": func(c golden.Case) string {
			// The other test's parameters are p = 0.1 and 10 buckets.
			c.Inputs = golden.Fields{"noise_parameter": 0.1, "num_buckets": 10.0, "rel": c.Inputs["rel"]}
			p, q := replaced(c)
			if c.Inputs.Text("rel") == "NeighboringRelation.REPLACE_SPECIAL" {
				p, q = special(c)
			}
			e := math.Max(FiniteRDP(p, q, math.Inf(1)).Epsilon, FiniteRDP(q, p, math.Inf(1)).Epsilon)
			return c.Near(e, c.Expected.Num("expected_rdp"), 1e-9)
		},
	}
	if testing.Short() {
		delete(checks, "pld_laplace_delta")
		delete(checks, "pld:test_get_smallest_subsampled_gaussian_noise")
		delete(checks, "pld:test_get_smallest_discrete_laplace_noise")
	}
	golden.Run(t, checks, nil)
}

func selfCompose(c golden.Case, l *Loss) string {
	l.Infinite = 0.1
	got := l.Power(int(c.Inputs.Num("num_times")), c.Inputs.Num("tail_mass_truncation"))
	problem := c.Near(float64(got.First), c.Expected.Num("expected_lower_loss"), 0)
	for i, want := range c.Expected.Nums("expected_probs") {
		problem = first(problem, c.Near(got.Mass[i], want, 1e-12))
	}
	return problem
}

func replaced(c golden.Case) (p, q []float64) {
	return RandomizedResponse(c.Inputs.Any("noise_parameter", "noise_param"), int(c.Inputs.Num("num_buckets")))
}

// special sets a respondent against one who answers uniformly.
func special(c golden.Case) (p, q []float64) {
	p, q = replaced(c)
	for i := range q {
		q[i] = 1 / float64(len(q))
	}
	return p, q
}

func response(step float64, r Rounding) golden.Check {
	return func(c golden.Case) string {
		h := step
		if c.Inputs.Has("value_discretization_interval") {
			// The other test's parameters are p = 0.2 and 4 buckets.
			h = c.Inputs.Num("value_discretization_interval")
			c.Inputs = golden.Fields{"noise_parameter": 0.2, "num_buckets": 4.0, "neighbor_rel": c.Inputs["neighbor_rel"]}
		}
		p, q := replaced(c)
		problem := ""
		if c.Inputs.Text("neighbor_rel") == "NeighboringRelation.REPLACE_SPECIAL" {
			p, q = special(c)
			problem = compareMass(c, Finite(q, p, h, r), c.Expected.Map("expected_rounded_pmf_add"), math.NaN())
		}
		return first(problem, compareMass(c, Finite(p, q, h, r), c.Expected.Map("expected_rounded_pmf"), math.NaN()))
	}
}

func responseRDP(pair func(golden.Case) (p, q []float64)) golden.Check {
	return func(c golden.Case) string {
		orders := c.Inputs.Nums("alphas")
		if orders == nil {
			orders = []float64{1.5, 2.5, 5, 50, 100, math.Inf(1)}
		}
		p, q := pair(c)
		problem := ""
		for i, want := range c.Expected.Nums("expected_rdps") {
			e := math.Max(FiniteRDP(p, q, orders[i]).Epsilon, FiniteRDP(q, p, orders[i]).Epsilon)
			problem = first(problem, c.Near(e, want, 1e-9))
		}
		return problem
	}
}

func discreteGaussianBothWays(r Rounding) golden.Check {
	return func(c golden.Case) string {
		p, problem := pairOf(c), ""
		p.Noise = NewDiscreteGaussianNoise(c.Inputs.Num("sigma"), 1) // the other test's bound
		for _, way := range []string{"add", "remove"} {
			p.Remove = way == "remove"
			problem = first(problem, compareMass(c, discretize(p, 1e-4, r, 0), c.Expected.Map("expected_rounded_pmf_"+way), c.Expected.Any("expected_infinity_mass_"+way)))
		}
		return problem
	}
}
