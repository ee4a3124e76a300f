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
// an error of kind Plan that names the column. Metadata may differ, and text
// that some sources hold as a dictionary and others plainly, as Parquet files
// of one table do, is plain in the result.
//
// The result's Splits are the splits of the sources that have any.
func Concat(sources ...Source) (Splitter, error) {
	if len(sources) == 0 {
		return nil, fault.Planf("no input: name at least one file")
	}
	schema := sources[0].Schema()
	for i, s := range sources[1:] {
		common, err := commonSchema(schema, s.Schema())
		if err != nil {
			return nil, fault.Planf("%s: %w", nameOf(s, i+1), err)
		}
		schema = common
	}
	c := concat{schema, make([]Source, len(sources))}
	for i, s := range sources {
		if c.sources[i] = s; sameSchema(schema, s.Schema()) != nil {
			c.sources[i] = plainText{s, schema}
		}
	}
	return c, nil
}

// nameOf is what an error calls input i.
func nameOf(s Source, i int) string {
	if n, ok := s.(interface{ Name() string }); ok {
		return n.Name()
	}
	return "input " + strconv.Itoa(i+1)
}

type concat struct {
	schema  *arrow.Schema
	sources []Source
}

func (c concat) Schema() *arrow.Schema { return c.schema }

func (c concat) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, _, err := Resolve("input", c.Schema(), columns)
	if err != nil {
		return nil, err
	}
	var cur array.RecordReader
	rest := c.sources
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
	for _, s := range c.sources {
		if sp, ok := s.(Splitter); ok {
			splits = append(splits, sp.Splits((n+len(c.sources)-1)/len(c.sources))...)
		} else {
			splits = append(splits, s)
		}
	}
	return splits
}
