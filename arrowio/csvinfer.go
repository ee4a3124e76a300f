package arrowio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"

	"github.com/oboro-data/oboro/internal/fault"
)

const (
	sampleBytes = 4 << 20
	sampleRows  = 10_000
)

var errSampleEnd = errors.New("end of the sample")

// sample reads the start of the file and settles line ends, header and types.
func (s *CSV) sample(ctx context.Context) error {
	in, err := s.text(0)
	if err != nil {
		return err
	}
	defer in.Close()
	size := int64(sampleBytes)
	if s.plain {
		size = min(size, s.size+1) // one more, to see the end
	}
	head := make([]byte, size, size+slack)
	n, err := io.ReadFull(in, head)
	whole := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !whole {
		return s.readError(err)
	}
	clear(head[n:cap(head)])
	head = head[:n]
	bom := 0
	if bytes.HasPrefix(head, []byte("\ufeff")) {
		bom = 3
	}
	if bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) {
		return fault.Inputf("%s: the file is in UTF-16; save it as UTF-8", s.name)
	}
	s.nl = '\n'
	if bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0 {
		s.nl = '\r'
	}
	if err := s.header(head, bom, whole); err != nil {
		return err
	}
	rest := io.Reader(bytes.NewReader(head[s.first:]))
	if !whole {
		rest = io.MultiReader(rest, failingReader{errSampleEnd})
	}
	return s.infer(ctx, rest)
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// header reads the names of the columns, the first line that is not empty.
func (s *CSV) header(head []byte, at int, whole bool) error {
	for at < len(head) && (head[at] == s.nl || head[at] == '\r') {
		at++
	}
	if at == len(head) {
		return fault.Inputf("%s: the file is empty; the first line must name the columns", s.name)
	}
	s.names = []string{}
	var x blockIndex
	fields, end, closed := 0, len(head), false
	for size := 4 << 10; !closed; size *= 8 {
		to := min(at+size, len(head))
		x.index(head[:cap(head)], at, to, s.delim, s.nl)
		fields = 0
		for _, p := range x.seps {
			if fields++; int(p) < to && head[p] == s.nl {
				end, closed = int(p)+1, true
				break
			}
		}
		if to == len(head) {
			break
		}
	}
	switch {
	case !closed && x.inside && whole:
		return s.faultAt(fault.Inputf, int64(at), "a quote of the header is not closed; close it")
	case !closed && !whole:
		return fault.Inputf("%s: the header has more than 4 MiB; the first line must name the columns", s.name)
	case !closed:
		fields++ // the last one, which no newline ends
	}
	names := make([]string, fields) // for errors until the names are known
	for i := range names {
		names[i] = strconv.Itoa(i+1) + " of the header"
	}
	s.names = names
	sc := s.scanner(bytes.NewReader(head[at:end]), int64(at))
	if !sc.block(context.Background()) {
		if sc.err != nil {
			return sc.err
		}
		return fault.Inputf("%s: the file is empty; the first line must name the columns", s.name)
	}
	found := make([]string, fields)
	seen := make(map[string]bool, fields)
	for j := range found {
		c, err := sc.cells(j, 0, 1)
		if err != nil {
			return err
		}
		name := string(c.b[c.lo[0]:c.hi[0]])
		if name == "" {
			return fault.Planf("%s: column %d of the header has no name; name every column", s.name, j+1)
		}
		if seen[name] {
			return fault.Planf("%s: the header names column %q twice; give every column its own name", s.name, name)
		}
		seen[name] = true
		found[j] = name
	}
	for name, t := range s.o.Types {
		if !seen[name] && !t.Undeclared {
			return fault.Planf("%s: there is no column %q, whose type is declared; name a column of the header, or set `delimiter:`", s.name, name)
		}
	}
	s.names, s.first, s.lo = found, int64(end), int64(end)
	return nil
}

// A guess holds the types that a column may still have.
type guess struct {
	seen                                            bool
	boolean, integer, decimal, date, clock, instant bool
}

// look takes out the types that a value does not fit.
func (g *guess) look(b []byte) {
	g.seen = true
	if g.boolean {
		_, g.boolean = parseBoolean(b, true)
	}
	if g.integer {
		_, g.integer = parseInteger(b, true)
	}
	if g.decimal {
		_, g.decimal = parseDecimal(b, true)
		g.decimal = g.decimal && digits(b) <= 15
	}
	if g.date {
		_, g.date = parseDate(b)
	}
	if g.clock || g.instant {
		c, ok := parseClock(b)
		g.clock, g.instant = g.clock && ok && !c.zoned, g.instant && ok && c.zoned
	}
}

// digits counts the digits of a number, leading zeros aside.
func digits(b []byte) int {
	n := 0
	for _, c := range b {
		if c >= '1' && c <= '9' || c == '0' && n > 0 {
			n++
		}
	}
	return n
}

func (g guess) kind() Kind {
	switch {
	case !g.seen:
		return Text
	case g.boolean:
		return Boolean
	case g.integer:
		return Integer
	case g.decimal:
		return Decimal
	case g.date:
		return Date
	case g.clock, g.instant:
		return Timestamp
	}
	return Text
}

// infer settles the type of every column.
func (s *CSV) infer(ctx context.Context, rest io.Reader) error {
	guesses := make([]guess, len(s.names))
	for i := range guesses {
		guesses[i] = guess{boolean: true, integer: true, decimal: true, date: true, clock: true, instant: true}
	}
	sc := s.scanner(rest, s.first)
	for rows := 0; rows < sampleRows && sc.block(ctx); rows += len(sc.starts) {
		n := min(len(sc.starts), sampleRows-rows)
		for j := range guesses {
			c, err := sc.cells(j, 0, n)
			if err != nil {
				return err
			}
			if t, declared := s.o.Types[s.names[j]]; declared && t.Kind != Inferred && !t.offsetsInferred() {
				continue
			}
			for i, lo := range c.lo {
				if b := c.b[lo:c.hi[i]]; !s.nulls.has(b) {
					guesses[j].look(b)
				}
			}
		}
	}
	if sc.err != nil && !errors.Is(sc.err, errSampleEnd) {
		return sc.err
	}
	s.types = make([]preparedType, len(s.names))
	for i, n := range s.names {
		t, declared := s.o.Types[n]
		declared = declared && t.Kind != Inferred
		if !declared {
			t.Kind = guesses[i].kind()
		}
		p, err := prepare(t, guesses[i].seen && guesses[i].instant)
		if err != nil {
			return fault.Planf("%s: column %q: %w", s.name, n, err)
		}
		p.inferred = !declared
		s.types[i] = p
	}
	return nil
}

// badValue is the error about a value that does not fit its column's type.
func (s *CSV) badValue(offset int64, j int, t preparedType) error {
	what, remedy := "no "+t.Kind.String(), "correct it, or declare another `type:` (text takes every value)"
	if t.Kind == Integer {
		what = "no integer of 64 bits"
	}
	if t.inferred {
		return s.faultAt(fault.Dataf, offset, "column %q has a value that is %s, the type inferred from the first rows; %s", s.names[j], what, remedy)
	}
	if t.Format != "" {
		return s.faultAt(fault.Dataf, offset, "column %q has a value that is %s of the declared format %q; correct it, or the `format:`", s.names[j], what, t.Format)
	}
	return s.faultAt(fault.Dataf, offset, "column %q has a value that is %s, the declared type; %s", s.names[j], what, remedy)
}
