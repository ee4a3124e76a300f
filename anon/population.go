package anon

import (
	"context"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
)

// openTables opens the tables that models compare with: the population of
// k-map, and the research subset of delta-presence. The subset is what is
// anonymised then, and the input is its population.
func (p *Plan) openTables(probs *problems, s *step, schema *arrow.Schema) {
	for i := range s.Microdata.Models {
		m := &s.Microdata.Models[i]
		if m.Table == nil {
			continue
		}
		needed := p.quasiIdentifiers(s.Declaration)
		if m.Kind == "delta-presence" {
			needed = append(needed, s.columns...)
			switch {
			case p.policy.Person != nil:
				needed = append(needed, p.policy.Person.Columns...)
			case p.policy.Unit != "":
				needed = append(needed, p.policy.Unit)
			}
		}
		slices.Sort(needed)
		needed = slices.Compact(needed)
		src, err := p.openTable(m.Table, schema, needed)
		if err != nil {
			probs.addErr(m.at, err)
			continue
		}
		for _, name := range needed {
			if len(src.Schema().FieldIndices(name)) != 1 {
				probs.add(m.at, "%s has no column %s, or several; give it the columns of the release and the unit, under the names of the input", quote(m.Table.Path), quote(name))
			}
		}
		if m.Kind == "delta-presence" {
			s.subset, s.spec.Population = p.policy.withUnit(src), arrowio.NewMemory(schema) // the input itself when it runs
		} else {
			s.spec.Population = src
		}
	}
}

// openTable opens a CSV or IPC file that the policy refers to. Columns of CSV
// that are needed have the types of the input's columns of their names.
func (p *Plan) openTable(f *File, schema *arrow.Schema, needed []string) (arrowio.Source, error) {
	o := p.policy.CSVOptions()
	declared := o.Types
	o.Types = map[string]arrowio.ColumnType{}
	for _, field := range schema.Fields() {
		if !slices.Contains(needed, field.Name) {
			continue
		}
		t := declared[field.Name]
		if t.Kind == arrowio.Inferred {
			t.Kind = csvKinds[kindOf(field.Type)]
		}
		o.Types[field.Name] = t
	}
	return arrowio.Open(context.Background(), f.path, arrowio.Options{CSV: o})
}
