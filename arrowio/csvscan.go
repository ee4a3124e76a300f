package arrowio

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/fault"
)

const (
	blockSize = 256 << 10 // bytes indexed at a time at most: text and index stay in a core's cache
	slack     = 80        // bytes beyond the text that may be read
	maxRow    = 64 << 20  // bytes of one row
)

// A rowScanner cuts the text of a CSV file, in UTF-8, into rows, a block at a
// time. Rows of n columns have n separators each, so the separators of a run
// of rows form a table too:
//
//	ab,7\nc,88\n     seps 2 4 6 9     starts 0 5
//
// Column 0 of row r is text[starts[r]:seps[n·r]], column j is
// text[seps[n·r+j-1]+1 : seps[n·r+j]].
type rowScanner struct {
	src       *CSV
	in        io.Reader
	columns   int
	delim, nl byte
	limit     int64 // rows that start at or beyond this offset of the text are not read

	blockSize int // bytes indexed at a time

	buf   []byte // text[:n], then at least slack bytes of capacity
	n     int
	base  int64 // offset of buf[0] in the text
	next  int   // first byte of buf that belongs to no row yet
	eof   bool
	index blockIndex

	seps   []uint32
	starts []uint32
	done   bool
	err    error // what follows the rows of this block

	lo, hi []uint32
	ends   int // end of unquoted text put after the block
}

// block reads until at least one whole row is found, and leaves the rows in
// seps and starts. It returns false at the end or at an error, which it leaves
// in err.
func (s *rowScanner) block(ctx context.Context) bool {
	s.starts = s.starts[:0]
	for !s.done && s.err == nil && len(s.starts) == 0 {
		if s.err = ctx.Err(); s.err != nil {
			break
		}
		if s.err = s.fill(); s.err != nil {
			break
		}
		s.index.index(s.buf[:cap(s.buf)], s.next, s.n, s.delim, s.nl)
		s.rows()
	}
	return len(s.starts) > 0
}

// fill moves the incomplete row to the front and reads more text behind it.
func (s *rowScanner) fill() error {
	rest := s.n - s.next
	size := max(s.blockSize, 2*rest)
	if rest > maxRow {
		return s.fault(s.base+int64(s.next), "the row has more than 64 MiB; close its quotes")
	}
	if cap(s.buf) < size+slack {
		grown := make([]byte, size+slack)
		copy(grown, s.buf[s.next:s.n])
		s.buf = grown
	} else {
		s.buf = s.buf[:cap(s.buf)]
		copy(s.buf, s.buf[s.next:s.n])
	}
	s.base += int64(s.next)
	s.next, s.n = 0, rest
	for s.n < size && !s.eof {
		n, err := s.in.Read(s.buf[s.n:size])
		s.n += n
		if errors.Is(err, io.EOF) {
			s.eof = true
		} else if err != nil {
			return s.src.readError(err)
		}
	}
	if s.eof && s.n > 0 && s.buf[s.n-1] != s.nl {
		s.buf[s.n] = s.nl // the last line needs no newline
		s.n++
	}
	clear(s.buf[s.n : s.n+slack-1])
	return nil
}

// rows checks the separators of the block and keeps those of whole rows.
func (s *rowScanner) rows() {
	if s.evenRows() {
		return
	}
	seps, nc, nl, b := s.index.seps, s.columns, s.nl, s.buf
	kept, k, start := 0, 0, uint32(s.next)
	for k < len(seps) {
		at := seps[k]
		if b[at] == nl && (at == start || at == start+1 && nl == '\n' && b[start] == '\r') {
			start = at + 1 // an empty line is no row
			k++
			continue
		}
		if s.base+int64(start) >= s.limit {
			s.done = true
			break
		}
		last := k + nc - 1
		j := k
		for j < len(seps) && j < last && b[seps[j]] != nl {
			j++
		}
		if j == len(seps) {
			break // the row goes on in the next block
		}
		if j < last || b[seps[j]] != nl {
			s.ragged(seps[k:], start)
			break
		}
		if kept != k {
			copy(seps[kept:kept+nc], seps[k:])
		}
		kept += nc
		s.starts = append(s.starts, start)
		start = seps[last] + 1
		k = last + 1
	}
	s.seps, s.next = seps[:kept], int(start)
	if s.eof && s.err == nil && !s.done {
		if int(start) < s.n {
			s.err = s.fault(s.base+int64(start), "a quote is opened and not closed before the end of the file; close it, or double quotes that belong to the text")
		}
		s.done = true
	}
	if !s.index.ascii {
		s.checkUTF8()
	}
}

// evenRows is rows for a block in the middle of a file without quotes, empty
// lines and faults, as nearly all are: it reports whether this is one. Then
// every n-th separator is a newline; and if there are no more newlines than
// these, then no other separator is one.
func (s *rowScanner) evenRows() bool {
	nc := s.columns
	if nc == 1 || s.index.quotes || !s.index.ascii || s.eof || s.base+int64(s.n) > s.limit {
		return false
	}
	seps, n := s.index.seps, s.newlines()
	if n == 0 || n*nc > len(seps) {
		return false
	}
	starts := slices.Grow(s.starts, n)[:n]
	start := uint32(s.next)
	for r := range starts {
		starts[r] = start
		at := seps[r*nc+nc-1]
		if s.buf[at] != s.nl {
			return false
		}
		start = at + 1
	}
	s.seps, s.starts, s.next = seps[:n*nc], starts, int(start)
	return true
}

// newlines returns how many there are in the block.
func (s *rowScanner) newlines() int { return bytes.Count(s.buf[s.next:s.n], []byte{s.nl}) }

// ragged leaves an error about a row of the wrong length. A row whose end is
// in a later block is left to that one.
func (s *rowScanner) ragged(seps []uint32, start uint32) {
	fields := 0
	for _, at := range seps {
		fields++
		if s.buf[at] == s.nl {
			noun, remedy := "fields", "quote fields that hold the delimiter"
			if fields < s.columns {
				remedy = "write every field, empty ones too, or close a quote before it"
			}
			if fields == 1 {
				noun = "field"
			}
			s.err = s.fault(s.base+int64(start), "the row has %d %s where the header has %d; %s, or set `delimiter:`", fields, noun, s.columns, remedy)
			return
		}
	}
	if s.n-int(start) > s.blockSize {
		s.err = s.fault(s.base+int64(start), "the row has more than %d fields, the number of the header; quote fields that hold the delimiter, or set `delimiter:`", s.columns)
	}
}

// checkUTF8 leaves an error about the first row that is not UTF-8 and drops it
// and those after it.
func (s *rowScanner) checkUTF8() {
	if len(s.starts) == 0 {
		return
	}
	end := int(s.seps[len(s.seps)-1])
	from := int(s.starts[0])
	if utf8.Valid(s.buf[from:end]) && (s.src.utf8 || !bytes.ContainsRune(s.buf[from:end], utf8.RuneError)) {
		return
	}
	for r := range s.starts {
		for j := range s.columns {
			lo, hi := s.cell(r, j)
			if b := s.buf[lo:hi]; !utf8.Valid(b) || !s.src.utf8 && bytes.ContainsRune(b, utf8.RuneError) {
				s.err = s.fault(s.base+int64(lo), "column %q is not %s; set `encoding:` to the file's own (utf-8, cp932, shift_jis, euc-jp)", s.src.names[j], s.src.encodingName())
				s.starts, s.seps = s.starts[:r], s.seps[:r*s.columns]
				return
			}
		}
	}
}

// cell returns the raw extent of a cell, quotes included.
func (s *rowScanner) cell(r, j int) (lo, hi uint32) {
	at := r*s.columns + j
	if hi = s.seps[at]; j == 0 {
		lo = s.starts[r]
	} else {
		lo = s.seps[at-1] + 1
	}
	if j == s.columns-1 && s.nl == '\n' && hi > lo && s.buf[hi-1] == '\r' {
		hi--
	}
	return lo, hi
}

// cells returns the texts of column j in rows [from, to), quotes taken off.
// The result is valid until the next call.
func (s *rowScanner) cells(j, from, to int) (cells, error) {
	n := to - from
	if cap(s.lo) < n {
		s.lo, s.hi = make([]uint32, n+n/4), make([]uint32, n+n/4)
	}
	lo, hi := s.lo[:n], s.hi[:n]
	nc := s.columns
	var longest uint32
	if j == 0 {
		copy(lo, s.starts[from:to])
		for i, start := range lo {
			hi[i] = s.seps[(from+i)*nc]
			longest = max(longest, hi[i]-start)
		}
	} else {
		at := from*nc + j
		for i := range lo {
			start, end := s.seps[at-1]+1, s.seps[at]
			lo[i], hi[i] = start, end
			longest = max(longest, end-start)
			at += nc
		}
	}
	if j == nc-1 && s.nl == '\n' {
		for i := range hi {
			if hi[i] > lo[i] && s.buf[hi[i]-1] == '\r' {
				hi[i]--
			}
		}
	}
	if s.index.quotes {
		if err := s.unquote(lo, hi, j); err != nil {
			return cells{}, err
		}
	}
	return cells{s.buf, lo, hi, longest}, nil
}

// unquote takes the quotes off. A text with doubled quotes in it is written
// anew behind the block.
func (s *rowScanner) unquote(lo, hi []uint32, j int) error {
	s.ends = s.n + slack
	for i := range lo {
		b := s.buf[lo[i]:hi[i]]
		if len(b) == 0 {
			continue
		}
		if b[0] != '"' {
			if s.quoteAt(lo[i], hi[i]) >= 0 {
				return s.fault(s.base+int64(lo[i]), "column %q has a quote inside a field that is not quoted; quote the field and double the quote", s.src.names[j])
			}
			continue
		}
		end := len(b) - 1
		if end == 0 || b[end] != '"' {
			return s.fault(s.base+int64(lo[i]), "column %q has text after a closing quote; double quotes that belong to the text", s.src.names[j])
		}
		lo[i]++
		hi[i]--
		inner := b[1:end]
		at := s.quoteAt(lo[i], hi[i])
		if at < 0 {
			continue
		}
		if need := s.ends + len(inner) + slack; len(s.buf) < need {
			grown := make([]byte, need+need/2)
			copy(grown, s.buf[:min(s.ends, len(s.buf))])
			s.buf = grown
		}
		w := s.ends
		for at >= 0 {
			if at+1 >= len(inner) || inner[at+1] != '"' {
				return s.fault(s.base+int64(lo[i]), "column %q has text after a closing quote; double quotes that belong to the text", s.src.names[j])
			}
			w += copy(s.buf[w:], inner[:at+1])
			inner = inner[at+2:]
			at = bytes.IndexByte(inner, '"')
		}
		w += copy(s.buf[w:], inner)
		lo[i], hi[i] = uint32(s.ends), uint32(w)
		s.ends = w
	}
	return nil
}

// quoteAt returns the place of the first quote in buf[lo:hi], -1 without one.
func (s *rowScanner) quoteAt(lo, hi uint32) int {
	if n := hi - lo; n <= 8 {
		x := binary.LittleEndian.Uint64(s.buf[lo:]) ^ oneEach*'"'
		at := zeroBytes(x) & (1<<(8*n) - 1)
		if at == 0 {
			return -1
		}
		return bits.TrailingZeros64(at) / 8
	}
	return bytes.IndexByte(s.buf[lo:hi], '"')
}

// fault makes an error about the row or cell at an offset of the text.
func (s *rowScanner) fault(offset int64, format string, args ...any) error {
	return s.src.faultAt(fault.Inputf, offset, format, args...)
}

// A csvReader makes batches of the rows of a scanner.
type csvReader struct {
	rowScanner
	ctx    context.Context
	schema *arrow.Schema
	fields []int // columns read, in the order of the schema
	types  []preparedType
	cols   []column
	row    int // next row of the block
	filled int // rows of the batch
	bytes  int // text of the batch
}

// read returns the next batch, or nil at the end.
func (r *csvReader) read() (arrow.Record, error) {
	for r.filled < batchRows && r.bytes < math.MaxInt32/4 {
		if r.row == len(r.starts) {
			r.row = 0
			if !r.block(r.ctx) {
				if r.err != nil {
					return nil, r.err
				}
				break
			}
			r.bytes += r.n
		}
		to := min(len(r.starts), r.row+batchRows-r.filled)
		if err := r.take(r.row, to); err != nil {
			return nil, err
		}
		r.filled += to - r.row
		r.row = to
	}
	if r.filled == 0 {
		return nil, nil
	}
	cols := make([]arrow.Array, len(r.cols))
	for i, c := range r.cols {
		cols[i] = c.flush()
		defer cols[i].Release()
	}
	rec := array.NewRecord(r.schema, cols, int64(r.filled))
	r.filled, r.bytes = 0, 0
	return rec, nil
}

// take appends rows [from, to) of the block to the batch.
func (r *csvReader) take(from, to int) error {
	for i, j := range r.fields {
		c, err := r.cells(j, from, to)
		if err != nil {
			return err
		}
		if bad := r.cols[i].add(c); bad >= 0 {
			lo, _ := r.cell(from+bad, j)
			return r.src.badValue(r.base+int64(lo), j, r.types[i])
		}
	}
	if r.index.quotes {
		return r.checkOthers(from, to)
	}
	return nil
}

// checkOthers checks the quotes of the columns that are not read, so that
// whether a file is well formed never depends on who reads it.
func (r *csvReader) checkOthers(from, to int) error {
	for j := range r.columns {
		read := false
		for _, f := range r.fields {
			read = read || f == j
		}
		if !read {
			if _, err := r.cells(j, from, to); err != nil {
				return err
			}
		}
	}
	return nil
}
