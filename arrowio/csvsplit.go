package arrowio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
)

// quoteParity tells for places in a file whether they lie inside quotes. That
// depends on all quotes before them: a newline inside quotes ends no row, and
// nothing near it says so. So the quotes between two neighbouring cuts are
// counted, modulo two, by the first split that needs to know, once; all
// together that is one pass over the file at the speed of memory.
//
//	cuts    0         9            20           quotes before them
//	text    a,"b""c"  ,d\ne,"f\n   g",h         0, 4, 5: the last lies inside
type quoteParity struct {
	src    *CSV
	cuts   []int64
	parity []onceParity // of the quotes between cut i and the next
}

type onceParity struct {
	mu   sync.Mutex
	done bool
	odd  bool
}

// inside reports whether cut i lies inside quotes.
func (q *quoteParity) inside(ctx context.Context, i int) (bool, error) {
	odd := false
	for k := range i {
		o, err := q.between(ctx, k)
		if err != nil {
			return false, err
		}
		odd = odd != o
	}
	return odd, nil
}

// between returns whether the number of quotes between cuts k and k+1 is odd.
func (q *quoteParity) between(ctx context.Context, k int) (bool, error) {
	p := &q.parity[k]
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return p.odd, nil
	}
	n := 0
	err := q.src.blocks(ctx, q.cuts[k], q.cuts[k+1], func(b []byte) bool {
		n += bytes.Count(b, []byte{'"'})
		return true
	})
	if err != nil {
		return false, err
	}
	p.done, p.odd = true, n%2 == 1
	return p.odd, nil
}

// blocks calls f with the text from one offset to another, block by block,
// until f returns false or the text ends.
func (s *CSV) blocks(ctx context.Context, from, to int64, f func(b []byte) bool) error {
	in, err := s.text(from)
	if err != nil {
		return err
	}
	defer in.Close()
	buf := make([]byte, min(blockSize, max(to-from, 0)))
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := in.Read(buf[:min(int64(len(buf)), to-from)])
		if n > 0 && !f(buf[:n]) || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return s.readError(err)
		}
		from += int64(n)
	}
	return nil
}

// start returns the offset at which the first row of this source starts, or
// one beyond its range where none does.
func (s *CSV) start(ctx context.Context) (int64, error) {
	if s.lo == s.first {
		return s.first, nil
	}
	inside, err := s.quotes.inside(ctx, s.part)
	if err != nil {
		return 0, err
	}
	at := s.quotes.cuts[s.part]
	found := false
	err = s.blocks(ctx, at, s.size, func(b []byte) bool {
		for _, c := range b {
			at++
			if c == '"' {
				inside = !inside
			} else if c == s.nl && !inside {
				found = true
				return false
			}
		}
		return at < s.hi
	})
	if err != nil {
		return 0, err
	}
	if !found {
		at = s.size
	}
	return at, nil
}

// faultAt makes an error about a place in the text, which it names by file and
// line. The lines before it are counted only now.
//
// Whether a place lies inside quotes, and so what is wrong with a later split,
// rests on the text before it being well formed. If it is not, that is the
// error.
func (s *CSV) faultAt(kind func(string, ...any) error, offset int64, format string, args ...any) error {
	if s.lo != s.first {
		if err := s.wellFormed(offset); err != nil {
			return err
		}
	}
	line := 1
	err := s.blocks(context.Background(), 0, offset, func(b []byte) bool {
		line += bytes.Count(b, []byte{s.nl})
		return true
	})
	if err != nil {
		return err
	}
	return kind("%s: line %d: "+format, append([]any{s.name, line}, args...)...)
}

// wellFormed returns the first error in the rows that start before an offset,
// types aside.
func (s *CSV) wellFormed(before int64) error {
	whole := *s
	whole.lo, whole.hi = s.first, before
	in, err := whole.text(whole.lo)
	if err != nil {
		return err
	}
	defer in.Close()
	r := csvReader{rowScanner: *whole.scanner(in, whole.lo)}
	for r.block(context.Background()) {
		if r.index.quotes {
			if err := r.checkOthers(0, len(r.starts)); err != nil {
				return err
			}
		}
	}
	return r.err
}
