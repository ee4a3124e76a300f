package arrowio

import (
	"context"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/fault"
)

// Concat returns the rows of several sources of one schema, one source after
// another. Sources whose column names, order or types differ are refused with
// an error of kind Plan that names the column. Metadata may differ.
//
// The result's Splits are the splits of the sources that have any.
func Concat(sources ...Source) (Splitter, error) {
	if len(sources) == 0 {
		return nil, fault.Planf("no input: name at least one file")
	}
	for i, s := range sources[1:] {
		if err := sameSchema(sources[0].Schema(), s.Schema()); err != nil {
			return nil, fault.Planf("%s: %w", nameOf(s, i+1), err)
		}
	}
	return concat(sources), nil
}

// nameOf is what an error calls input i.
func nameOf(s Source, i int) string {
	if n, ok := s.(interface{ Name() string }); ok {
		return n.Name()
	}
	return "input " + strconv.Itoa(i+1)
}

type concat []Source

func (c concat) Schema() *arrow.Schema { return c[0].Schema() }

func (c concat) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, _, err := Resolve("input", c.Schema(), columns)
	if err != nil {
		return nil, err
	}
	var cur array.RecordReader
	rest := c
	next := func() (arrow.Record, error) {
		for {
			if cur == nil {
				if len(rest) == 0 {
					return nil, nil
				}
				r, err := rest[0].Open(ctx, columns...)
				if err != nil {
					return nil, err
				}
				cur, rest = r, rest[1:]
			}
			if cur.Next() {
				rec := cur.Record()
				rec.Retain()
				return rec, nil
			}
			if err := cur.Err(); err != nil {
				return nil, err
			}
			cur.Release()
			cur = nil
		}
	}
	return NewReader(ctx, "input", schema, next, func() {
		if cur != nil {
			cur.Release()
		}
	}), nil
}

func (c concat) Splits(n int) []Source {
	var splits []Source
	for _, s := range c {
		if sp, ok := s.(Splitter); ok {
			splits = append(splits, sp.Splits((n+len(c)-1)/len(c))...)
		} else {
			splits = append(splits, s)
		}
	}
	return splits
}
