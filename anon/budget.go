package anon

// A Budget is a privacy budget, exact: ε with an optional δ, or ρ (zero-
// concentrated) with the δ that group selection needs.
type Budget struct {
	Epsilon, Delta, Rho Number
	// AcceptDelta is the policy's `accept-delta: true`: a δ of 1/10 or more
	// is meant.
	AcceptDelta bool
	at          place
}

func decodeBudget(p *problems, n *node, key string) *Budget {
	o := p.object(n, key)
	defer o.done()
	b := &Budget{at: o.at, Epsilon: o.number("epsilon"), Delta: o.number("delta"), Rho: o.number("rho"), AcceptDelta: o.boolean("accept-delta")}
	switch {
	case !o.has("epsilon") && !o.has("rho"):
		o.add(o.at, "a budget needs epsilon or rho; write {epsilon: 1} or {epsilon: 1, delta: 1e-8}")
	case o.has("epsilon") && o.has("rho"):
		o.add(o.place("rho"), "a budget has epsilon or rho, not both; remove one")
	}
	return b
}

// check refuses budgets that promise nothing: ε ≤ 0, ρ ≤ 0, δ outside [0, 1),
// and δ ≥ 1/10 unless it is accepted in so many words.
func (b *Budget) check(p *problems) {
	at := func(key string) place { return place{b.at.line, b.at.key + "." + key} }
	if b.Epsilon.IsSet() && b.Epsilon.rat.Sign() <= 0 {
		p.add(at("epsilon"), "%s is not more than 0; epsilon bounds what a person's presence can change, write e.g. 1", b.Epsilon)
	}
	if b.Rho.IsSet() && b.Rho.rat.Sign() <= 0 {
		p.add(at("rho"), "%s is not more than 0; write e.g. 0.05", b.Rho)
	}
	switch {
	case !b.Delta.IsSet():
	case b.Delta.rat.Sign() < 0 || b.Delta.cmp(1, 1) >= 0:
		p.add(at("delta"), "%s is outside [0, 1); write a small probability such as 1e-8", b.Delta)
	case b.Delta.cmp(1, 10) >= 0 && !b.AcceptDelta:
		p.add(at("delta"), "%s is 1/10 or more: with this probability the guarantee may fail altogether; write a small one such as 1e-8, or add `accept-delta: true` if it is meant", b.Delta)
	}
}

// hasDelta reports whether δ is more than 0.
func (b *Budget) hasDelta() bool { return b.Delta.IsSet() && b.Delta.rat.Sign() > 0 }
