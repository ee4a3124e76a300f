package kanon

import (
	"maps"
	"math/big"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// Centre says what micro-aggregation writes for the values of a class.
type Centre string

const (
	DefaultCentre  Centre = ""         // MedianCentre for numbers and ordered values, else ModeCentre
	MeanCentre     Centre = "mean"     // of numbers, exact, written with ten significant digits
	MedianCentre   Centre = "median"   // the lower one, weighted by rows: a value of the class
	ModeCentre     Centre = "mode"     // the value of most rows, the first in order among equals; null is a value
	IntervalCentre Centre = "interval" // as Mondrian writes it: "35..41", open at the ends of the column; else the lowest label of the hierarchy that all share
)

// Means and medians leave out nulls and what is no finite number; they are null
// where nothing is left. An interval over null and values is "*".

// A scale is what can be done with values.
type scale uint8

const (
	nominal scale = iota // equal or not
	ordinal              // ranked
	numeric              // subtracted
)

// An aggregatedColumn is a quasi-identifier of micro-aggregation.
type aggregatedColumn struct {
	scale  scale
	centre Centre
	ranges bool       // intervals are ranges of values, not labels of a hierarchy
	values []*big.Rat // of each raw label of a numeric column; nil: no number
}

// checkMDAV refuses what micro-aggregation can't do.
func (p *plan) checkMDAV() error {
	if err := checkMondrian(p.spec.Models); err != nil {
		return err
	}
	if p.spec.Nulls == NullIsWildcard || p.spec.Recode != "" && p.spec.Recode != "global" {
		return fault.Planf("search: mdav goes with recode: global and without wildcard nulls; choose search: optimal for those")
	}
	for _, q := range p.quasi {
		if q.Level != "" {
			return fault.Planf("column %q: search: mdav replaces values by aggregates; a fixed level goes with search: optimal or anytime", q.Column)
		}
		f, err := p.field(q.Column)
		if err != nil {
			return err
		}
		of := scaleOf(q, f.Type)
		switch q.Centre {
		case DefaultCentre, ModeCentre, IntervalCentre:
		case MedianCentre:
			if of == nominal {
				return fault.Planf("column %q: its values have no order for a median; declare the order, or choose the mode", q.Column)
			}
		case MeanCentre:
			if of != numeric {
				return fault.Planf("column %q: only numbers have a mean; choose the median or the mode", q.Column)
			}
		default:
			return fault.Planf("column %q: there is no centre %q; choose mean, median, mode or interval", q.Column, string(q.Centre))
		}
	}
	return nil
}

// aggregated describes the columns to micro-aggregation.
func (p *plan) aggregated(base *FrequencySet) []aggregatedColumn {
	out := make([]aggregatedColumn, len(p.quasi))
	for c, q := range p.quasi {
		f, _ := p.field(q.Column)
		col := aggregatedColumn{scale: scaleOf(q, f.Type), centre: q.Centre, ranges: q.Hierarchy == nil && ranged(f.Type)}
		if col.centre == DefaultCentre {
			col.centre = MedianCentre
			if col.scale == nominal {
				col.centre = ModeCentre
			}
		}
		if col.scale == numeric {
			col.values = numbersOf(&base.QuasiIdentifiers[c].Table.Levels[0])
		}
		out[c] = col
	}
	return out
}

// scaleOf tells the scale of a column: a declared order makes it ordinal.
func scaleOf(q QuasiIdentifier, dt arrow.DataType) scale {
	if q.Order != nil {
		return ordinal
	}
	switch code.ValueType(dt).ID() {
	case arrow.DATE32, arrow.DATE64, arrow.TIMESTAMP, arrow.TIME32, arrow.TIME64:
		return ordinal
	}
	if ranged(dt) {
		return numeric
	}
	return nominal
}

// numbersOf reads the labels of raw numbers.
func numbersOf(raw *hierarchy.Level) []*big.Rat {
	out := make([]*big.Rat, len(raw.Labels))
	for l, text := range raw.Labels {
		if int32(l) != raw.Null {
			out[l], _ = new(big.Rat).SetString(text) // nil for NaN and infinities
		}
	}
	return out
}

// places returns where the raw labels lie on the line from 0 to gowerOne; of a
// nominal column their numbers.
func (col *aggregatedColumn) places(raw *hierarchy.Level) []int32 {
	out := make([]int32, len(raw.Labels))
	var values []*big.Rat
	if values = col.values; col.scale == ordinal {
		values = make([]*big.Rat, len(out))
		rank := int64(0)
		for l := range values {
			if int32(l) != raw.Null {
				values[l] = new(big.Rat).SetInt64(rank)
				rank++
			}
		}
	}
	var lo, hi *big.Rat
	for _, v := range values {
		if v != nil && (lo == nil || v.Cmp(lo) < 0) {
			lo = v
		}
		if v != nil && (hi == nil || v.Cmp(hi) > 0) {
			hi = v
		}
	}
	for l := range out {
		switch {
		case int32(l) == raw.Null || values != nil && values[l] == nil:
			out[l] = -1
		case values == nil:
			out[l] = int32(l)
		case lo.Cmp(hi) < 0:
			x := new(big.Rat).Sub(values[l], lo)
			x.Quo(x, new(big.Rat).Sub(hi, lo)).Mul(x, new(big.Rat).SetInt64(gowerOne))
			out[l] = int32(new(big.Int).Quo(x.Num(), x.Denom()).Int64())
		}
	}
	return out
}

// aggregate returns what a group says in a column; false for null.
func (m *mdav) aggregate(members []int32, c int) (string, bool) {
	col := &m.columns[c]
	raw := &m.base.QuasiIdentifiers[c].Table.Levels[0]
	if col.centre == IntervalCentre {
		text, null, _ := m.regions.label(members, c)
		return text, !null
	}
	rows := make(map[int32]int64, len(members)) // of each raw label
	total := int64(0)
	for _, i := range members {
		l := m.base.Label(int(i), c)
		if missing := l == raw.Null || col.values != nil && col.values[l] == nil; missing && col.centre != ModeCentre {
			continue
		}
		rows[l] += m.base.rows[i]
		total += m.base.rows[i]
	}
	if len(rows) == 0 || total == 0 {
		return "", false
	}
	if col.centre == MeanCentre {
		sum := new(big.Rat)
		for l, n := range rows {
			sum.Add(sum, new(big.Rat).Mul(col.values[l], new(big.Rat).SetInt64(n)))
		}
		mean, _ := sum.Quo(sum, new(big.Rat).SetInt64(total)).Float64()
		rounded, _ := strconv.ParseFloat(strconv.FormatFloat(mean, 'g', 10, 64), 64)
		return strconv.FormatFloat(rounded, 'f', -1, 64), true
	}
	best, below := int32(-1), int64(0)
	for _, l := range slices.Sorted(maps.Keys(rows)) {
		n := rows[l]
		if col.centre == ModeCentre {
			if n > 0 && (best < 0 || n > rows[best]) {
				best = l
			}
		} else if below += n; 2*below >= total {
			best = l
			break
		}
	}
	return raw.Labels[best], best != raw.Null
}
