package anon

import (
	"context"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// checkSets recounts the combinations of tags of every set column: each that a
// row has is in at least k rows of its class.
func (v *verifier) checkSets(ctx context.Context, s *step, src arrowio.Source, quasi []string) error {
	for i := range s.Microdata.Models {
		m := &s.Microdata.Models[i]
		if m.Kind != "km-anonymity" {
			continue
		}
		counts, err := countTags(ctx, src, quasi, v.policy.Column(m.Column), int(m.M))
		if err != nil {
			return inRelease(s.Name, err)
		}
		for _, n := range counts {
			if n < m.K {
				return fault.Dataf("%s: km-anonymity of column %s does not hold: a combination of at most %d tags is in fewer than %d rows of its class; restore the table or release anew", s.Name, quote(m.Column), m.M, m.K)
			}
		}
	}
	return nil
}

// countTags counts the rows of every combination of 1 to m tags, by class.
func countTags(ctx context.Context, src arrowio.Source, quasi []string, c *Column, m int) (map[string]int64, error) {
	r, err := src.Open(ctx, append(slices.Clone(quasi), c.Name)...)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	counts := map[string]int64{}
	for r.Next() {
		rec := r.Record()
		set := rec.Column(len(quasi))
		for i := range int(rec.NumRows()) {
			var class []cell
			for j := range quasi {
				k := cell{null: code.IsNull(rec.Column(j), i)}
				if !k.null {
					k.text = textAt(rec.Column(j), i)
				}
				class = append(class, k)
			}
			tags := tagsAt(set, i, c.Set.Separator)
			slices.Sort(tags)
			combinations(slices.Compact(tags), m, class, func(k []cell) { counts[keyOf(k)]++ })
		}
	}
	return counts, r.Err()
}

// combinations calls f with prefix and every choice of 1 to m of the tags.
func combinations(tags []string, m int, prefix []cell, f func([]cell)) {
	for i, tag := range tags {
		with := append(slices.Clip(prefix), cell{text: tag})
		f(with)
		if m > 1 {
			combinations(tags[i+1:], m-1, with, f)
		}
	}
}

// tagsAt are the tags of a cell: a text with separators, or a list of texts.
func tagsAt(a arrow.Array, i int, separator string) []string {
	if code.IsNull(a, i) {
		return nil
	}
	var tags []string
	if list, ok := a.(array.ListLike); ok {
		from, to := list.ValueOffsets(i)
		for j := from; j < to; j++ {
			if v := list.ListValues(); !code.IsNull(v, int(j)) {
				tags = append(tags, textAt(v, int(j)))
			}
		}
		return tags
	}
	for _, tag := range strings.Split(textAt(a, i), separator) {
		if tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}
