package arrowio

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/fault"
)

// CSVOptions say how a CSV file is read. The zero value is the default of the
// policy file: commas, UTF-8, the empty text null, types inferred.
type CSVOptions struct {
	// Delimiter is one ASCII character, not a quote or newline; 0: comma.
	Delimiter rune
	// Encoding is utf-8 (the default), shift_jis or cp932, euc-jp,
	// windows-1252 or latin1. Text is UTF-8 once it is read.
	Encoding string
	// NullValues are the texts that mean null, whether quoted or not, in
	// columns of every type. nil: the empty text. Empty and not nil: none.
	NullValues []string
	// Types declares types by column name; other columns are inferred from
	// the first 10,000 rows or 4 MiB of the file. A name that the header
	// lacks is an error.
	Types map[string]ColumnType
	// OnBadValue says what a value is that does not fit its column's type.
	OnBadValue OnBadValue
}

// A Kind is the type of a CSV column. Inference tries Boolean, Integer,
// Decimal, Date and Timestamp in this order, and takes the first that every
// value of the sample fits in its strict form; else Text. The strict form has
// no leading zeros, plus signs or exponents, so that postal codes and the like
// stay text, and later values must keep to it too.
type Kind uint8

const (
	// Inferred takes the type from the sample.
	Inferred Kind = iota
	// Text is Arrow utf8, byte for byte.
	Text
	// Integer is int64. Declared, a plus sign and leading zeros are allowed.
	Integer
	// Decimal is float64, the nearest to the text; its shortest decimal is
	// the text again up to 15 significant digits (longer values in the sample
	// make an inferred column text). Declared, exponents are allowed.
	Decimal
	// Boolean is true or false. Declared, in any case, and 1 or 0.
	Boolean
	// Date is date32: YYYY-MM-DD, years 0001 to 9999, or the declared format.
	Date
	// Timestamp is in microseconds: YYYY-MM-DD, T or a space, HH:MM, and
	// perhaps seconds, up to six decimals, and an offset; or the declared
	// format. Either all values have an offset from UTC, and the Arrow type
	// has a time zone (UTC unless declared), or none has.
	Timestamp
)

var kindNames = [...]string{"inferred", "text", "integer", "decimal", "boolean", "date", "timestamp"}

// String returns the name that the policy file gives the type.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// ParseKind returns the type that the policy file names: text, integer,
// decimal, boolean, date or timestamp. Another name is an error of kind Plan.
func ParseKind(name string) (Kind, error) {
	for k, n := range kindNames {
		if n == name && Kind(k) != Inferred {
			return Kind(k), nil
		}
	}
	return 0, fault.Planf("type %q is not known; the types are text, integer, decimal, boolean, date and timestamp", name)
}

// A ColumnType declares the type of a CSV column.
type ColumnType struct {
	Kind Kind
	// Format is for dates and timestamps: a strftime pattern of %Y %y %m %d
	// %e %b %H %M %S %f %z %F %T %%; empty: ISO 8601.
	Format string
	// Timezone is for timestamps: the IANA name of the zone in which values
	// without an offset are read, and the zone of the Arrow type. Empty: none.
	Timezone string
	// AnyOffset is for timestamps without a format: values with and without an
	// offset are read side by side, and dates as their midnight. The zone of
	// those without is Timezone, or UTC. Without AnyOffset the first rows say
	// whether all values have an offset or none has.
	AnyOffset bool
	// Undeclared marks a type that is a stand-in for one that nobody declared;
	// see Retyped. Nothing is then inferred for the column, and it may be
	// missing from the header.
	Undeclared bool
}

// OnBadValue says what a value is that does not fit its column's type.
type OnBadValue uint8

const (
	// Reject makes it an error of kind Data that names line and column.
	Reject OnBadValue = iota
	// Null makes it null: statistics never fail on data.
	Null
)

// A CSV is a CSV file (RFC 4180), plain or compressed with gzip or Zstandard.
//
// The first line is the header. Lines end with LF, CRLF, or CR throughout; the
// last needs no end; empty lines are skipped. A field in quotes may hold
// delimiters, newlines and doubled quotes and is taken byte for byte; a quoted
// empty field is the empty text like any other. A byte-order mark is skipped.
//
// Malformed text is an error of kind Input with file and line: rows of another
// length than the header, quotes out of place or never closed, text that is
// not of the encoding. No error holds a value.
type CSV struct {
	path, name string
	size       int64
	o          CSVOptions
	nulls      nullSet
	delim, nl  byte
	utf8       bool // no conversion of the text
	plain      bool // the file's bytes are the text
	names      []string
	types      []preparedType
	schema     *arrow.Schema

	// Rows that start in [lo, hi) of the text are this source's. For the
	// whole file lo is the first row; for a split it is an arbitrary byte.
	lo, hi int64
	first  int64 // where rows begin
	quotes *quoteParity
	part   int
}

// OpenCSV reads the header and a sample of a CSV file, plain, .gz or .zst, and
// settles the types of its columns. ctx bounds the opening only.
//
// Columns without a name or of one name, declared columns that the header
// lacks, and options that make no sense are errors of kind Plan; what is
// malformed in the sample, an empty file included, is one of kind Input.
func OpenCSV(ctx context.Context, path string, o CSVOptions) (*CSV, error) {
	s := &CSV{path: path, name: baseName(path), o: o, nulls: newNullSet(o.NullValues), delim: ',', hi: math.MaxInt64}
	if o.Delimiter != 0 {
		if o.Delimiter >= 0x80 || strings.ContainsRune("\"\r\n", o.Delimiter) {
			return nil, fault.Planf("%s: the delimiter must be one ASCII character, not a quote or newline; set `delimiter:`", s.name)
		}
		s.delim = byte(o.Delimiter)
	}
	if err := s.sample(ctx); err != nil {
		return nil, err
	}
	fields := make([]arrow.Field, len(s.names))
	for i, n := range s.names {
		fields[i] = s.types[i].field(n)
	}
	s.schema = arrow.NewSchema(fields, nil)
	return s, nil
}

// Name returns the file's name.
func (s *CSV) Name() string { return s.name }

// Schema returns the columns with their declared or inferred types; Undeclared
// tells them apart.
func (s *CSV) Schema() *arrow.Schema { return s.schema }

// Types returns the type of every column, declared or inferred.
func (s *CSV) Types() map[string]ColumnType {
	types := make(map[string]ColumnType, len(s.names))
	for i, n := range s.names {
		types[n] = s.types[i].ColumnType
	}
	return types
}

// prepare checks a declared type and readies it for parsing. zoned says
// whether the sample's timestamps have offsets, where no format says it.
func prepare(t ColumnType, zoned bool) (p preparedType, err error) {
	p.ColumnType = t
	if t.Format != "" {
		if t.Kind != Date && t.Kind != Timestamp {
			return p, fault.Planf("`format:` is for dates and timestamps; set `type:` to one of them")
		}
		if p.pattern, err = compilePattern(t.Format); err != nil {
			return p, err
		}
		zoned = p.pattern.zoned()
	}
	if t.AnyOffset && (t.Kind != Timestamp || t.Format != "") {
		return p, fault.Planf("AnyOffset is for timestamps without a format")
	}
	if t.Timezone != "" {
		if t.Kind != Timestamp {
			return p, fault.Planf("`timezone:` is for timestamps; set `type: timestamp`")
		}
		if p.location, err = time.LoadLocation(t.Timezone); err != nil {
			return p, fault.Planf("`timezone: %s` is not known; give an IANA name such as Asia/Tokyo", t.Timezone)
		}
	}
	switch t.Kind {
	case Text:
		p.arrow = arrow.BinaryTypes.String
	case Integer:
		p.arrow = arrow.PrimitiveTypes.Int64
	case Decimal:
		p.arrow = arrow.PrimitiveTypes.Float64
	case Boolean:
		p.arrow = arrow.FixedWidthTypes.Boolean
	case Date:
		p.arrow = arrow.FixedWidthTypes.Date32
	case Timestamp:
		p.zoned = zoned
		tz := t.Timezone
		if tz == "" && (zoned || t.AnyOffset) {
			tz = "UTC"
		}
		p.arrow = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: tz}
	default:
		return p, fault.Planf("%v is no type of a column", t.Kind)
	}
	return p, nil
}

// Open starts a read; see Source. A reader holds one open file.
func (s *CSV) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, fields, err := Resolve(s.name, s.schema, columns)
	if err != nil {
		return nil, err
	}
	start, err := s.start(ctx)
	if err != nil {
		return nil, err
	}
	in, err := s.text(start)
	if err != nil {
		return nil, err
	}
	r := &csvReader{rowScanner: *s.scanner(in, start), ctx: ctx, schema: schema, fields: fields}
	rows := int64(batchRows)
	if s.plain { // a row has a delimiter or newline for every column
		rows = min(rows, max(min(s.hi, s.size)-start, 0)/int64(len(s.names))+1)
	}
	for _, f := range fields {
		r.types = append(r.types, s.types[f])
		r.cols = append(r.cols, newColumn(s.types[f], &s.nulls, s.o.OnBadValue, int(rows)))
	}
	return NewReader(ctx, s.name, schema, r.read, func() { in.Close() }), nil
}

func (s *CSV) scanner(in io.Reader, start int64) *rowScanner {
	block := int64(blockSize)
	if s.plain { // no more than there is
		block = min(block, max(s.size-start, 0)+1)
	}
	return &rowScanner{src: s, in: in, columns: len(s.names), delim: s.delim, nl: s.nl, limit: s.hi, base: start, blockSize: int(block)}
}

// Splits returns about n parts of a plain file in UTF-8, by ranges of bytes,
// and the table itself for a compressed or converted one.
func (s *CSV) Splits(n int) []Source {
	n = int(min(int64(max(n, 1)), s.size-s.first))
	if !s.plain || s.quotes != nil || n <= 1 {
		return []Source{s}
	}
	q := &quoteParity{src: s, cuts: make([]int64, n), parity: make([]onceParity, n)}
	splits := make([]Source, n)
	for i := range splits {
		part := *s
		part.lo = s.first + (s.size-s.first)*int64(i)/int64(n)
		if i < n-1 {
			part.hi = s.first + (s.size-s.first)*int64(i+1)/int64(n)
		}
		part.quotes, part.part = q, i
		// A row starts at lo if a newline is just before it.
		q.cuts[i] = max(part.lo-1, s.first)
		splits[i] = &part
	}
	return splits
}
