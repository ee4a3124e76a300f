package arrowio

import (
	"context"

	"encoding/csv"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"os"
)

// CSVOptions say how a CSV file is read. The zero value is the default of the
// policy file: commas, UTF-8, the empty field null, types inferred.
type CSVOptions struct {
	Delimiter  rune                  // 0: comma
	Encoding   string                // "": utf-8; shift_jis, cp932, euc-jp
	NullValues []string              // nil: the empty text
	Types      map[string]ColumnType // declared types by column; others are inferred
	OnBadValue OnBadValue
}

// A Kind is the type of a CSV column.
type Kind uint8

const (
	Inferred  Kind = iota // from a sample of the file
	Text                  // utf8, byte for byte
	Integer               // int64
	Decimal               // float64, the nearest to the text
	Boolean               // true, false
	Date                  // date32
	Timestamp             // timestamp in microseconds
)

// A ColumnType declares the type of a CSV column.
type ColumnType struct {
	Kind     Kind
	Format   string // dates and timestamps: a strftime pattern; "": ISO 8601
	Timezone string // timestamps: IANA name; "": none
}

// OnBadValue says what a value is that does not fit its column's type.
type OnBadValue uint8

const (
	Reject OnBadValue = iota // an error of kind Input that names line and column
	Null                     // null: for statistics, which never fail on data
)

// A CSV is a CSV file.
type CSV struct {
	path   string
	schema *arrow.Schema
	o      CSVOptions
}

// OpenCSV reads the header and a sample of a CSV file.
func OpenCSV(ctx context.Context, path string, o CSVOptions) (*CSV, error) {
	s := &CSV{path: path, o: o}
	rows, err := s.rows()
	if err != nil {
		return nil, err
	}
	fields := make([]arrow.Field, len(rows[0]))
	for i, n := range rows[0] {
		fields[i] = arrow.Field{Name: n, Type: arrow.BinaryTypes.String, Nullable: true}
	}
	s.schema = arrow.NewSchema(fields, nil)
	return s, nil
}

func (s *CSV) rows() ([][]string, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, fileError(baseName(s.path), err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	if s.o.Delimiter != 0 {
		r.Comma = s.o.Delimiter
	}
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, Damaged(baseName(s.path))
	}
	return rows, nil
}

// Name returns the file's name.
func (s *CSV) Name() string { return baseName(s.path) }

// Schema returns the columns with their declared or inferred types.
func (s *CSV) Schema() *arrow.Schema { return s.schema }

// Open starts a read; see Source.
func (s *CSV) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	rows, err := s.rows()
	if err != nil {
		return nil, err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, s.schema)
	defer b.Release()
	for _, row := range rows[1:] {
		for i, c := range row {
			sb := b.Field(i).(*array.StringBuilder)
			if c == "" {
				sb.AppendNull()
			} else {
				sb.Append(c)
			}
		}
	}
	rec := b.NewRecord()
	defer rec.Release()
	m := NewMemory(s.schema, rec)
	defer m.Release()
	return m.Open(ctx, columns...)
}

// Splits returns parts of the file; see Splitter.
func (s *CSV) Splits(n int) []Source { return []Source{s} }
