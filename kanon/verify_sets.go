package kanon

import (
	"context"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/code"
)

// verifySets recounts the sets of a release, class by class, by the texts of its
// cells. It counts rows, of which there are at least as many as people: a
// release that fails here fails for people too. Where every row is a person it
// is a full check, and the claim says so.
func (p *plan) verifySets(ctx context.Context, rel *Release) error {
	for i := range rel.Claims {
		m, ok := rel.Claims[i].Model.(KMAnonymity)
		if !ok {
			continue
		}
		var columns []string
		for _, q := range p.quasi {
			columns = append(columns, q.Column)
		}
		if err := recountSets(ctx, rel, append(columns, m.Column), p.set(m.Column).Separator, m); err != nil {
			return err
		}
		if p.spec.Unit == "" {
			rel.Claims[i].Checked = "output"
		}
	}
	return nil
}

// recountSets reads a table of quasi-identifiers and, last, a set column.
func recountSets(ctx context.Context, src arrowio.Source, columns []string, separator string, m KMAnonymity) error {
	r, err := src.Open(ctx, columns...)
	if err != nil {
		return err
	}
	defer r.Release()
	classes := map[string]map[string]int64{}
	for r.Next() {
		rec := r.Record()
		last := int(rec.NumCols()) - 1
		for i := range int(rec.NumRows()) {
			texts := make([]string, last)
			for c := range texts {
				if col := rec.Column(c); code.IsNull(col, i) {
					texts[c] = "n"
				} else {
					texts[c] = "v" + code.Text(col, i)
				}
			}
			key := classText(texts)
			if classes[key] == nil {
				classes[key] = map[string]int64{}
			}
			addTagSets(classes[key], cellTags(rec.Column(last), i, separator), m.M, 0, "")
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	for _, sets := range classes {
		for _, n := range sets {
			if n < m.K {
				return failsUnless(false, m)
			}
		}
	}
	return nil
}

// cellTags returns the texts of a cell, which are distinct and in order as they
// were written.
func cellTags(col arrow.Array, i int, separator string) []string {
	if col.IsNull(i) {
		return nil
	}
	if l, ok := col.(*array.List); ok {
		var out []string
		from, to := l.ValueOffsets(i)
		for v := from; v < to; v++ {
			out = append(out, l.ListValues().(*array.String).Value(int(v)))
		}
		return out
	}
	return strings.Split(col.(*array.String).Value(i), separator)
}

// addTagSets counts every set of 1 to m of the tags from place next on.
func addTagSets(counts map[string]int64, tags []string, m, next int, chosen string) {
	if m == 0 {
		return
	}
	for i := next; i < len(tags); i++ {
		with := chosen + "\x00" + tags[i]
		counts[with]++
		addTagSets(counts, tags, m-1, i+1, with)
	}
}
