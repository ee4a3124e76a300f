package anon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oboro-data/oboro/internal/noise"
	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/report"
)

// claim states one model of a microdata release in one sentence.
func (p *Plan) claim(s *step, m *Model) report.Claim {
	who := "people"
	if p.policy.UnitIsRow {
		who = "rows"
	}
	return report.Claim{
		Model:      m.Kind,
		Parameters: m.parameters(),
		Unit:       p.policy.unitName(),
		Checked:    "no", // until a table has been made and counted
		Text:       p.claimText(s, m, who),
	}
}

func (p *Plan) claimText(s *step, m *Model, who string) string {
	by := strings.Join(p.quasiIdentifiers(s.Declaration), ", ")
	class := fmt.Sprintf("group of rows that agree in %s", by)
	switch m.Kind {
	case "k-anonymity":
		text := fmt.Sprintf("each row is attributable to at least %d people: at least %d share its values of %s", m.K, m.K, by)
		if p.policy.UnitIsRow {
			text += ", if every row is one person, as the policy says"
		}
		if p.policy.Nulls == kanon.NullIsWildcard {
			text += "; a missing value counts as compatible with every value"
		}
		return sentence(text)
	case "l-diversity":
		of := map[string]string{
			"distinct":            fmt.Sprintf("at least %s different values of %s", m.L, m.Column),
			"entropy":             fmt.Sprintf("an entropy of %s of at least that of %s equally frequent values", m.Column, m.L),
			"entropy-grassberger": fmt.Sprintf("an entropy of %s, by Grassberger's estimate, of at least that of %s equally frequent values", m.Column, m.L),
			"recursive":           fmt.Sprintf("a most frequent value of %s that is less than %s times as frequent as the %s-th and rarer ones together", m.Column, m.C, m.L),
		}[m.Variant]
		return sentence(fmt.Sprintf("each %s has %s", class, of))
	case "t-closeness":
		return sentence(fmt.Sprintf("in each %s the distribution of %s is at most %s away from that of the whole table (%s distance), counted in %s", class, m.Column, m.T, m.Distance, who))
	case "beta-likeness":
		return sentence(fmt.Sprintf("in each %s no value of %s is more frequent than in the whole table by a relative gain of more than %s (%s), counted in %s", class, m.Column, m.Beta, m.Variant, who))
	case "delta-disclosure":
		return sentence(fmt.Sprintf("in each %s the frequency of every value of %s differs from that of the whole table by less than %s on a logarithmic scale, counted in %s", class, m.Column, m.Delta, who))
	case "delta-presence":
		return sentence(fmt.Sprintf("whoever knows that a person belongs to the population can believe with a probability of at least %s and at most %s that the person is in this release", m.Min, m.Max))
	case "k-map":
		return sentence(p.kMapText(m, class))
	case "average-risk":
		return sentence(fmt.Sprintf("an attacker who tries to name the person of every row is right for at most a share of %s of the %s on average", m.Threshold, who))
	case "sample-uniqueness":
		return sentence(fmt.Sprintf("at most a share of %s of the %s are alone with their values of %s", m.Threshold, who, by))
	}
	return sentence(fmt.Sprintf("in each %s, every combination of up to %d tags of %s that a row has is shared by at least %d people", class, m.M, m.Column, m.K))
}

func (p *Plan) kMapText(m *Model, class string) string {
	if m.Table != nil {
		return fmt.Sprintf("each %s matches at least %d people of the population table", class, m.K)
	}
	return fmt.Sprintf("each %s is estimated to match at least %d people of a population of %d (%s estimator, significance %s); this is a claim about a typical group, not about each", class, m.K, m.Population, m.Estimator, m.Significance)
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

// quasiIdentifiers are the columns that classes of the release are made of, in
// the order of the policy, which is the same with and without a schema.
func (p *Plan) quasiIdentifiers(d *Declaration) []string {
	written := p.policy.written(d)
	var out []string
	for _, c := range p.policy.Columns {
		if c.Role == QuasiIdentifier && c.Set == nil && slices.Contains(written, c.Name) {
			out = append(out, c.Name)
		}
	}
	return out
}

// statisticsClaims states the guarantee of a statistics release, beside what
// the policy's microdata disclose anyway.
func (p *Plan) statisticsClaims(s *step) []report.Claim {
	c := report.Claim{Model: "differential-privacy", Unit: p.policy.unitOf(s.Statistics), Checked: "no", Parameters: map[string]any{}}
	b := s.budget
	for key, v := range map[string]string{"epsilon": b.Epsilon(), "delta": b.Delta(), "rho": b.Rho()} {
		if v != "" && !noise.Off {
			c.Parameters[key] = v
		}
	}
	c.Text = p.dpText(s)
	claims := []report.Claim{c}
	if text := s.rangeText(); text != "" && !noise.Off {
		claims = append(claims, report.Claim{Model: "chosen-ranges", Unit: c.Unit, Checked: "no", Parameters: map[string]any{}, Text: sentence(text)})
	}
	if text := s.cutText(); text != "" && !noise.Off {
		claims = append(claims, report.Claim{Model: "diagnostics", Unit: c.Unit, Checked: "no", Parameters: map[string]any{}, Text: sentence(text)})
	}
	claims = append(claims, p.totalsClaims(s)...)
	if n := s.Statistics.MinUnits; n > 0 {
		claims = append(claims, report.Claim{
			Model: "min-units", Unit: c.Unit, Checked: "no", Parameters: map[string]any{"min_units": n},
			Text: fmt.Sprintf("A group is released only if its noised number of %s is at least %d; the floor is compared with the noised number, so that the true one may be smaller.", p.units(s), n),
		})
	}
	if c := s.Statistics.Confidence; c.IsSet() && !noise.Off {
		share, _ := c.Float()
		claims = append(claims, report.Claim{
			Model: "confidence-intervals", Unit: claims[0].Unit, Checked: "no", Parameters: map[string]any{"confidence": share}, Text: sentence(intervalText(c)),
		})
	}
	return claims
}

// units names the privacy units of a release in a sentence.
func (p *Plan) units(s *step) string {
	if p.policy.UnitIsRow {
		return "rows"
	}
	people := "people (" + p.policy.Unit + ")"
	if c := s.Statistics.UnitCell; c != nil {
		people += ", each counted anew" + c.within() + ","
	}
	return people
}

func (p *Plan) dpText(s *step) string {
	if noise.Off {
		return "Noise is off in this test build: nothing is claimed."
	}
	b := s.budget
	unit := "all rows of one " + p.policy.Unit
	if p.policy.UnitIsRow {
		unit = "one row"
	}
	unit += s.Statistics.UnitCell.within()
	var loss, text string
	if b.IsZCDP() {
		loss = fmt.Sprintf("ρ = %s, δ = %s", b.Rho(), b.Delta())
		text = fmt.Sprintf("adding or removing %s changes the distribution of the table by at most ρ = %s in zero-concentrated differential privacy, except with probability %s", unit, b.Rho(), b.Delta())
	} else {
		loss = "ε = " + b.Epsilon()
		text = fmt.Sprintf("adding or removing %s changes the probability of any result by at most a factor of e^%s", unit, exponent(b.Epsilon()))
		if s.Statistics.Budget.hasDelta() {
			loss += ", δ = " + b.Delta()
			text += fmt.Sprintf(", and by at most %s beyond that", b.Delta())
		}
	}
	text += p.cellLimit(s.Statistics.UnitCell)
	if d := p.policy.microdata(); d != nil {
		return sentence(fmt.Sprintf("this table adds at most (%s) beyond what %s discloses: %s", loss, d.Name, text))
	}
	return sentence(text)
}

// parameters are the model's parameters as the report gives them: whole
// numbers as numbers, others as the float that stands for the decimal.
func (m *Model) parameters() map[string]any {
	out := map[string]any{}
	text := func(key, v string) {
		if v != "" {
			out[key] = v
		}
	}
	num := func(key string, n Number) {
		if f, _ := n.Float(); n.IsSet() {
			out[key] = f
			if n.rat.IsInt() && n.rat.Num().IsInt64() {
				out[key] = n.rat.Num().Int64()
			}
		}
	}
	count := func(key string, n int64) {
		if n != 0 {
			out[key] = n
		}
	}
	text("column", m.Column)
	count("k", m.K)
	count("m", m.M)
	num("l", m.L)
	num("c", m.C)
	num("t", m.T)
	num("beta", m.Beta)
	num("delta", m.Delta)
	num("min", m.Min)
	num("max", m.Max)
	num("threshold", m.Threshold)
	num("significance", m.Significance)
	text("variant", m.Variant)
	text("distance", m.Distance)
	text("estimator", m.Estimator)
	count("population", m.Population)
	if m.Table != nil {
		out[map[string]string{"delta-presence": "subset", "k-map": "population-table"}[m.Kind]] = m.Table.Path
	}
	return out
}

// exponent puts a fraction in parentheses: e^1, e^(1/3).
func exponent(epsilon string) string {
	if strings.Contains(epsilon, "/") {
		return "(" + epsilon + ")"
	}
	return epsilon
}
