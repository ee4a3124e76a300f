//go:build cgo

package main

// #include "oboro.h"
// static int32_t cancelled(const oboro_options *o) { return o != NULL && o->cancel != NULL && *o->cancel; }
// static int32_t progress(const oboro_options *o, const char *release, const char *stage, int64_t done, int64_t total) {
//	return o->progress(o->progress_data, release, stage, done, total);
// }
import "C"

import (
	"context"
	"errors"
	"strings"
	"time"
	"unsafe"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/capi/internal/cdata"
	"github.com/oboro-data/oboro/internal/fault"
)

// errMisuse is an error of the caller against the rules of oboro.h.
var errMisuse = errors.New("misuse")

func misuse(text string) error { return &misused{text} }

type misused struct{ text string }

func (m *misused) Error() string        { return m.text }
func (m *misused) Is(target error) bool { return target == errMisuse }

// guard runs the body of one call. Errors and panics become a code and a
// message in e.
func guard(e *C.oboro_error, body func() error) (code C.int32_t) {
	err := safely(body)
	switch {
	case err == nil:
		return C.OBORO_OK
	case errors.Is(err, errPanic):
		code = C.OBORO_INTERNAL
	case errors.Is(err, errMisuse):
		code = C.OBORO_MISUSE
	case errors.Is(err, context.Canceled):
		code = C.OBORO_CANCELLED
	default:
		code = C.int32_t(anon.ExitCode(err)) // 1, 2 or 3, as OBORO_INPUT, _PLAN, _DATA
	}
	if e != nil {
		e.code = code
		e.message = text(err.Error())
	}
	return code
}

var errPanic = errors.New("a defect of the library: it panicked; please report it with the call that you made")

// safely turns a panic into an error that says nothing of the panic's value,
// which could hold data.
func safely(body func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	return body()
}

// text copies s into C memory; nil where there is none.
func text(s string) *C.char {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", " "), "�")
	p := cdata.Alloc(len(s) + 1)
	if p == nil {
		return nil
	}
	copy(unsafe.Slice((*byte)(p), len(s)), s)
	return (*C.char)(p)
}

// hand gives text out through a pointer of the caller's.
func hand(out **C.char, s string) error {
	if *out = text(s); *out == nil {
		return fault.Inputf("out of memory")
	}
	return nil
}

// settings are the options of a call, NULL meaning the defaults.
func settings(o *C.oboro_options) (s anon.RunOptions, base string) {
	base = "."
	if o == nil {
		return s, base
	}
	if o.base_dir != nil {
		base = C.GoString(o.base_dir)
	}
	s = anon.RunOptions{Workers: max(0, int(o.workers)), Memory: max(0, int64(o.memory))}
	if uintptr(o.struct_size) >= unsafe.Offsetof(o.ledger)+unsafe.Sizeof(o.ledger) && o.ledger != nil {
		s.Ledger = C.GoString(o.ledger)
	}
	return s, base
}

// attended runs work on another thread while this one, the caller's, polls the
// cancel flag and calls the progress callback, so that both see the thread that
// they expect.
func attended(o *C.oboro_options, work func(ctx context.Context, progress func(anon.Progress)) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if C.cancelled(o) != 0 {
		cancel() // work still runs, to give up what it was handed
	}
	var events chan anon.Progress
	var report func(anon.Progress)
	if o != nil && o.progress != nil {
		events = make(chan anon.Progress, 1)
		report = func(p anon.Progress) {
			select {
			case events <- p:
			default: // the caller is still busy with an earlier one
			}
		}
	}
	done := make(chan error, 1)
	go func() { done <- safely(func() error { return work(ctx, report) }) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			if C.cancelled(o) != 0 {
				cancel()
			}
		case p := <-events:
			if tell(o, p) != 0 {
				cancel()
			}
		}
	}
}

func tell(o *C.oboro_options, p anon.Progress) C.int32_t {
	release, stage := C.CString(p.Release), C.CString(p.Stage)
	defer freeC(release)
	defer freeC(stage)
	return C.progress(o, release, stage, C.int64_t(p.Done), C.int64_t(p.Total))
}
