package risk

import (
	"math"

	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

// A Part is rows of a release that share their levels: the classes, by index,
// of a set above the input's. A globally recoded release is one part, a locally
// recoded one several; rows of the input in no part are suppressed.
type Part struct {
	Set     *kanon.FrequencySet
	Classes []int32
	// Rows holds the rows kept of each class; nil keeps all.
	Rows []int64
}

// rows returns the rows kept of the j-th class of the part.
func (p *Part) rows(j int) int64 {
	if p.Rows != nil {
		return p.Rows[j]
	}
	return p.Set.ClassRows(int(p.Classes[j]))
}

// Kept returns the part of a set that is left when some classes are suppressed,
// given by index in increasing order.
func Kept(set *kanon.FrequencySet, suppressed []int32) Part {
	p := Part{Set: set}
	for i := range set.Len() {
		if len(suppressed) > 0 && int(suppressed[0]) == i {
			suppressed = suppressed[1:]
			continue
		}
		if set.ClassRows(i) > 0 {
			p.Classes = append(p.Classes, int32(i))
		}
	}
	return p
}

// A Utility says how much of the input a release still shows. Every measure but
// Suppressed is 1 where nothing is changed and 0 where everything is
// suppressed. N is the rows of the input, c those of a class, S those
// suppressed, d the number of columns; a suppressed cell counts as "*".
type Utility struct {
	// Suppressed is S/N.
	Suppressed float64
	// Granularity is 1 less the mean share of the domain that a cell covers,
	// brought to 0 to 1: with leaves(u) the domain values of a label and D those
	// of the column,
	//
	//	x = Σ_cells leaves(u)/D / N,   1 - Σ_columns (x - 1/D) / Σ_columns (1 - 1/D)
	//
	// (Iyengar: Transforming Data to Satisfy Privacy Constraints, 2002; the
	// figure of this name that ARX reports).
	Granularity float64
	// GeneralizationIntensity is 1 less the mean of level/height over all cells
	// (Sweeney: Achieving k-Anonymity Privacy Protection, 2002).
	GeneralizationIntensity float64
	// NonUniformEntropy is 1 less the bits lost by generalising raw values v to
	// labels u over the most that can be lost:
	//
	//	Σ_cells log₂(a(u)/a(v)) / Σ_cells log₂(N/a(v)),   a: rows of the input with the value or label
	//
	// (Gionis, Tassa: k-Anonymization with Minimal Loss of Information, 2009).
	NonUniformEntropy float64
	// Discernibility is 1 - (Σ c² + N·S - N)/(N² - N) (Bayardo, Agrawal: Data
	// Privacy through Optimal k-Anonymization, 2005).
	Discernibility float64
	// AverageClassSize is 1 - (N/m - 1)/(N - 1), m counting the classes and,
	// as one more, the suppressed rows (LeFevre, DeWitt, Ramakrishnan:
	// Mondrian, 2006).
	AverageClassSize float64
	// Columns compares each column's values before and after.
	Columns []ColumnDistance
}

// A ColumnDistance compares the shares p of a column's raw values in the input
// with the shares q that a reader of the release expects, who spreads each
// label evenly over its domain values, and suppressed cells over the domain.
type ColumnDistance struct {
	Column string
	// TotalVariation is ½ Σ |p - q|.
	TotalVariation float64
	// Hellinger is √(1 - Σ √(p·q)).
	Hellinger float64
	// EarthMover is Σ |cumulated p - cumulated q| / (values - 1), in the
	// column's order.
	EarthMover float64
	// Granularity and NonUniformEntropy are those of Utility, of this column
	// alone.
	Granularity       float64
	NonUniformEntropy float64
}

// Measure measures a release made of parts of base, the frequency set of the
// input at the bottom of the lattice. Parts of other columns, or with more rows
// than the input, are an error of kind Plan.
func Measure(base *kanon.FrequencySet, parts []Part) (*Utility, error) {
	u := &Utility{}
	n := float64(base.Rows)
	var kept, squares, classes float64
	for _, p := range parts {
		if len(p.Set.QuasiIdentifiers) != len(base.QuasiIdentifiers) {
			return nil, fault.Planf("utility: a part has %d quasi-identifiers, the input %d", len(p.Set.QuasiIdentifiers), len(base.QuasiIdentifiers))
		}
		for j := range p.Classes {
			c := float64(p.rows(j))
			kept += c
			squares += c * c
			classes++
		}
	}
	if kept > n {
		return nil, fault.Planf("utility: the parts have more rows than the input; each row belongs to one part at most")
	}
	gone := n - kept
	if gone > 0 {
		classes++
	}
	if n == 0 {
		return u, nil
	}
	u.Suppressed = gone / n
	u.Discernibility = 1 - scaled(squares+n*gone, n, n*n)
	u.AverageClassSize = 1 - scaled(n/classes, 1, n)
	d := float64(len(base.QuasiIdentifiers))
	var shares, bits ratio
	for c := range base.QuasiIdentifiers {
		table := &base.QuasiIdentifiers[c].Table
		height := float64(len(table.Levels) - 1)
		domain := float64(max(1, table.DomainSize))
		covered, climbed, known := gone, gone, gone*math.Log2(n)
		for _, p := range parts {
			level := p.Set.Node[c]
			leaves, rows := table.Levels[level].Leaves, base.LabelRows(c, level)
			for j, i := range p.Classes {
				r, label := float64(p.rows(j)), p.Set.Label(int(i), c)
				covered += r * float64(leaves[label]) / domain
				known += r * math.Log2(float64(rows[label]))
				if height > 0 {
					climbed += r * float64(level) / height
				}
			}
		}
		least := 0.0 // Σ a·log₂ a over raw values
		for _, a := range base.LabelRows(c, 0) {
			if a > 0 {
				least += float64(a) * math.Log2(float64(a))
			}
		}
		shares.add(covered/n-1/domain, 1-1/domain)
		bits.add(known-least, n*math.Log2(n)-least)
		u.GeneralizationIntensity += (1 - climbed/n) / d
		column := distance(base, parts, c, gone)
		column.Granularity = 1 - scaled(covered/n-1/domain, 0, 1-1/domain)
		column.NonUniformEntropy = 1 - scaled(known-least, 0, n*math.Log2(n)-least)
		u.Columns = append(u.Columns, column)
	}
	u.Granularity, u.NonUniformEntropy = 1-shares.value(), 1-bits.value()
	return u, nil
}

// A ratio is a sum over a sum.
type ratio struct{ part, whole float64 }

func (r *ratio) add(part, whole float64) { r.part, r.whole = r.part+part, r.whole+whole }

// value is the ratio, between 0 and 1, and 0 of nothing.
func (r *ratio) value() float64 { return scaled(r.part, 0, r.whole) }

// scaled brings x from [low, high] to [0, 1]; an empty range is 0.
func scaled(x, low, high float64) float64 {
	if high-low <= 0 {
		return 0
	}
	return min(max((x-low)/(high-low), 0), 1)
}

// distance compares column c before and after.
func distance(base *kanon.FrequencySet, parts []Part, c int, gone float64) ColumnDistance {
	q := &base.QuasiIdentifiers[c]
	raw := &q.Table.Levels[0]
	n := float64(base.Rows)
	domain := float64(max(1, q.Table.DomainSize))
	// Domain values that no row has get the rest of the expected shares, and
	// have none before.
	after := make([]float64, len(raw.Labels))
	for label := range after {
		after[label] = gone / domain
	}
	for _, p := range parts {
		level := &q.Table.Levels[p.Set.Node[c]]
		byLabel := make([]float64, len(level.Labels))
		for j, i := range p.Classes {
			byLabel[p.Set.Label(int(i), c)] += float64(p.rows(j))
		}
		seen := make([]bool, len(raw.Labels))
		for code, label := range raw.Codes {
			if !seen[label] {
				seen[label] = true
				up := level.Codes[code]
				after[label] += byLabel[up] / float64(max(1, level.Leaves[up]))
			}
		}
	}
	out := ColumnDistance{Column: q.Name}
	rest, overlap, ahead := 1.0, 0.0, 0.0
	for label, rows := range base.LabelRows(c, 0) {
		p, a := float64(rows)/n, after[label]/n
		rest -= a
		out.TotalVariation += math.Abs(p-a) / 2
		overlap += math.Sqrt(p * a)
		ahead += p - a
		if label+1 < len(after) {
			out.EarthMover += math.Abs(ahead) / float64(len(after)-1)
		}
	}
	out.TotalVariation += max(rest, 0) / 2
	out.Hellinger = math.Sqrt(max(1-overlap, 0))
	return out
}
