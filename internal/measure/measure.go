// Package measure looks at a table with the eyes of someone who wants to single
// out people: how many are alone with their values. What it finds describes the
// input, and is for its owner only.
package measure

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/code"
)

// An Exposure says how far some columns, taken together and unchanged, single
// people out. Take five rows of three people over the column zip:
//
//	ann 81667    ann 81667    bob 81667    cy 81925    cy 81931
//
// Classes is 3 (81667 with two people, 81925 and 81931 with one), Alone is 1
// (cy), Smallest is 1. The risk is the mean, over rows, of 1/(people of the
// row's class): (3·1/2 + 2·1)/5 = 0.7.
type Exposure struct {
	Counted  string  `json:"counted"` // "people", or "rows" where every row counts as one
	Rows     int64   `json:"rows"`
	People   int64   `json:"people"`
	Classes  int64   `json:"classes"`
	Alone    int64   `json:"alone"`    // people with a row in a class of their own
	Smallest int64   `json:"smallest"` // people of the smallest class, 0 without rows
	Risk     float64 `json:"risk"`     // mean over rows of 1/people
	Distinct []int64 `json:"distinct"` // distinct values of each column
	Sizes    []int64 `json:"-"`        // people of each class
}

// Expose measures columns of a table. With a unit, people are its distinct
// values, all rows of null unit being one person; with "" every row is one. It
// reads the table once, on one goroutine, and holds every distinct combination
// of columns and unit in memory.
func Expose(ctx context.Context, src arrowio.Source, unit string, columns []string) (*Exposure, error) {
	names := append([]string(nil), columns...)
	if unit != "" {
		names = append(names, unit)
	}
	if len(names) == 0 {
		names = append(names, src.Schema().Field(0).Name) // to count rows
	}
	r, err := src.Open(ctx, names...)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	m := &measurement{width: len(columns), unit: unit != "", tuples: map[string]int32{}, pairs: map[uint64]struct{}{}}
	for i := range len(columns) + m.units() {
		e, err := code.NewEncoder(r.Schema().Field(i).Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", names[i], err)
		}
		m.encoders = append(m.encoders, e)
	}
	for r.Next() {
		if err := m.add(r.Record()); err != nil {
			return nil, err
		}
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return m.exposure(), nil
}

type measurement struct {
	width    int
	unit     bool
	encoders []*code.Encoder // columns, then the unit
	codes    [][]uint32
	tuples   map[string]int32 // codes of the columns to the class
	rows     []int64          // by class
	people   []int64          // by class
	pairs    map[uint64]struct{}
}

func (m *measurement) units() int {
	if m.unit {
		return 1
	}
	return 0
}

func (m *measurement) add(rec arrow.Record) error {
	m.codes = make([][]uint32, len(m.encoders))
	for i, e := range m.encoders {
		var err error
		if m.codes[i], err = e.Encode(nil, rec.Column(i)); err != nil {
			return err
		}
	}
	key := make([]byte, 4*m.width)
	for row := range int(rec.NumRows()) {
		for c := range m.width {
			binary.LittleEndian.PutUint32(key[4*c:], m.codes[c][row])
		}
		class, ok := m.tuples[string(key)]
		if !ok {
			class = int32(len(m.rows))
			m.tuples[string(key)] = class
			m.rows, m.people = append(m.rows, 0), append(m.people, 0)
		}
		m.rows[class]++
		if !m.unit {
			m.people[class]++
			continue
		}
		pair := uint64(class)<<32 | uint64(m.codes[m.width][row])
		if _, seen := m.pairs[pair]; !seen {
			m.pairs[pair] = struct{}{}
			m.people[class]++
		}
	}
	return nil
}

func (m *measurement) exposure() *Exposure {
	e := &Exposure{Classes: int64(len(m.rows)), Sizes: m.people}
	alone := map[uint32]struct{}{}
	for class, people := range m.people {
		e.Rows += m.rows[class]
		e.Risk += float64(m.rows[class]) / float64(people)
		if e.Smallest == 0 || people < e.Smallest {
			e.Smallest = people
		}
		if people == 1 && !m.unit {
			e.Alone++
		}
	}
	if e.Rows > 0 {
		e.Risk /= float64(e.Rows)
	}
	e.People, e.Counted = e.Rows, "rows"
	if m.unit {
		e.Counted = "people"
		e.People = int64(m.encoders[m.width].Len())
		for pair := range m.pairs {
			if m.people[pair>>32] == 1 {
				alone[uint32(pair)] = struct{}{}
			}
		}
		e.Alone = int64(len(alone))
	}
	for c := range m.width {
		e.Distinct = append(e.Distinct, int64(m.encoders[c].Len()))
	}
	return e
}
