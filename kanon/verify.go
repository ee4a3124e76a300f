package kanon

import (
	"context"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// VerifySpec says what a written table must satisfy.
type VerifySpec struct {
	QuasiIdentifiers []string // columns of the table, by name
	Models           []PrivacyModel
	// Unit is not empty where the release counted people. The table has no
	// unit column, so rows are counted: a class of fewer than k rows fails, one
	// of k rows or more is consistent with the claim.
	Unit    string
	Nulls   Nulls // NullIsWildcard: a null cell is compatible with every value
	Workers int   // 0: one per processor
}

// VerifyResult is what a recount of a written table found.
type VerifyResult struct {
	Rows          int64
	Classes       int64
	SmallestClass int64 // rows; 0 without rows
	ClassSizes    []ClassSizes
	// Checked and Unchecked name the models that were re-checked on the table
	// and those that can't be from a table alone: they compare with the input,
	// or count people.
	Checked, Unchecked []string
}

// Verify recounts a written table by the texts of its cells, with maps, and
// checks the models with plain code: it shares nothing with the counting, the
// search and the recoding, so a mistake there does not hide itself. A model
// that does not hold is an error of kind Data that names it. Its cost is that
// of a read, little more where the rows of a class stand together.
func Verify(ctx context.Context, src arrowio.Source, spec VerifySpec) (*VerifyResult, error) {
	r, err := recountTable(ctx, src, spec.QuasiIdentifiers, sensitiveOf(spec.Models, src.Schema()), spec.Workers, newTexts(len(spec.QuasiIdentifiers)))
	if err != nil {
		return nil, err
	}
	r.exact = spec.Unit == ""
	if spec.Nulls == NullIsWildcard {
		r.hideBehindNulls()
	}
	out := &VerifyResult{Rows: r.rows, Classes: int64(len(r.classes)), ClassSizes: r.sizes(spec.Nulls == NullIsWildcard)}
	if len(out.ClassSizes) > 0 {
		out.SmallestClass = r.smallest(spec.Nulls == NullIsWildcard)
	}
	for _, m := range spec.Models {
		checked, err := verifyModel(m, r)
		if err != nil {
			return nil, err
		}
		if checked {
			out.Checked = append(out.Checked, m.String())
		} else {
			out.Unchecked = append(out.Unchecked, m.String())
		}
	}
	return out, nil
}

// sensitiveOf lists the columns that models name and the table has.
func sensitiveOf(models []PrivacyModel, schema *arrow.Schema) []string {
	var out []string
	for _, m := range models {
		if n, ok := m.(NamesColumns); ok {
			for _, name := range n.SensitiveColumns() {
				if len(schema.FieldIndices(name)) == 1 && !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// verify recounts the finished release and compares: the rows that will be
// written, with their texts; and where there is a unit, the people behind them
// as they were counted at the first read. It fills in the figures of rel, which
// come from this recount.
func (p *plan) verify(ctx context.Context, rel *Release, t *tuples, classOf classMap, a *assignment) error {
	var quasi []string
	for _, q := range p.quasi {
		quasi = append(quasi, q.Column)
	}
	names := newTexts(len(quasi))
	written, err := recountTable(ctx, rel, quasi, sensitiveOf(p.spec.Models, rel.schema), p.spec.Workers, names)
	if err != nil {
		return err
	}
	behind := p.recountTuples(t, classOf, a, names)
	if written.rows != rel.Rows || written.rows != behind.rows || len(written.classes) != len(behind.classes) {
		return errNotVerified("the rows written are not those counted")
	}
	for key, c := range written.classes {
		if b := behind.classes[key]; b == nil || b.rows != c.rows {
			return errNotVerified("the rows written are not those counted")
		}
	}
	written = nil // a second copy of the classes is not needed any more
	if rel.SuppressedRows > p.spec.limit(rel.InputRows) {
		return errNotVerified("more rows are suppressed than allowed")
	}
	if p.spec.Nulls == NullIsWildcard {
		behind.hideBehindNulls()
	}
	for _, m := range p.spec.Models {
		checked, err := verifyModel(m, behind)
		if err != nil {
			return err
		}
		claim := Claim{Model: m, Checked: "input"}
		if checked {
			claim.Checked = "output"
		}
		rel.Claims = append(rel.Claims, claim)
	}
	people := rel.Counted == "people" || p.spec.Nulls == NullIsWildcard
	rel.Classes = int64(len(behind.classes))
	rel.SmallestClass, rel.ClassSizes = behind.smallest(people), behind.sizes(people)
	return nil
}

func errNotVerified(what string) error {
	return fault.Dataf("the release does not verify, and nothing is released: %s", what)
}

// recountTuples counts the people behind the released classes, which the
// written rows do not tell, from the counted table: with sets of people, by the
// texts that are released.
func (p *plan) recountTuples(t *tuples, classOf classMap, a *assignment, names *texts) *recount {
	r := &recount{names: names, classes: map[string]*recounted{}, exact: true}
	for _, s := range p.sensitive {
		r.sensitive = append(r.sensitive, s.Column)
	}
	number := make([][]uint32, len(a.dict)) // of each label's text
	null := make([]uint32, len(a.dict))
	for c, labels := range a.dict {
		for _, label := range labels {
			number[c] = append(number[c], names.id(c, "v"+label))
		}
		null[c] = names.id(c, "n")
	}
	released := make([]*recounted, a.classes())
	ids := make([]uint32, len(a.dict))
	for k := range released {
		for c := range ids {
			ids[c] = null[c]
			if l := a.labels[c][k]; l >= 0 {
				ids[c] = number[c][l]
			}
		}
		released[k] = r.class(ids)
	}
	text := make([][]string, len(r.sensitive)) // of each code
	for c := range text {
		col := t.columns[len(p.quasi)+c]
		whole := map[string]int64{}
		for i := range col.values.Len() {
			s := "n"
			if i != col.null {
				s = "v" + code.Text(col.values, i)
			}
			text[c] = append(text[c], s)
			whole[s] = 0
		}
		r.whole = append(r.whole, whole)
	}
	value := func(c int, tuple uint32) string { return text[c][t.column(len(p.quasi) + c)[tuple]] }
	for i := range t.rows {
		for c := range text {
			r.whole[c][value(c, uint32(i))] += t.settled[i]
		}
		if k := a.class[classOf.of(uint32(i))]; k >= 0 {
			cl := released[k]
			cl.rows += t.rows[i]
			r.rows += t.rows[i]
			cl.people += t.settled[i]
			for c := range text {
				if t.settled[i] > 0 {
					cl.values[c][value(c, uint32(i))] += t.settled[i]
				}
			}
		}
	}
	// A person with several tuples counts once per class, and once per class
	// and value.
	type membership struct {
		class *recounted
		c     int
		value string
	}
	for lo := 0; lo < len(t.pairs); {
		hi := lo
		seen := map[membership]bool{}
		for ; hi < len(t.pairs) && t.pairs[hi].person == t.pairs[lo].person; hi++ {
			tuple := t.pairs[hi].tuple
			for c := range text {
				if m := (membership{nil, c, value(c, tuple)}); !seen[m] {
					seen[m] = true
					r.whole[c][m.value]++
				}
			}
			k := a.class[classOf.of(tuple)]
			if k < 0 {
				continue
			}
			cl := released[k]
			if m := (membership{cl, -1, ""}); !seen[m] {
				seen[m] = true
				cl.people++
				if p.spec.Nulls == NullIsWildcard {
					if cl.persons == nil {
						cl.persons = map[uint32]bool{}
					}
					cl.persons[t.pairs[hi].person] = true
				}
			}
			for c := range text {
				if m := (membership{cl, c, value(c, tuple)}); !seen[m] {
					seen[m] = true
					cl.values[c][m.value]++
				}
			}
		}
		lo = hi
	}
	return r
}
