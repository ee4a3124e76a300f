//go:build cgo

package main

// #include "oboro.h"
import "C"

import (
	"context"
	"encoding/json"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
	"github.com/oboro-data/oboro/capi/internal/cdata"
	"github.com/oboro-data/oboro/dp/googlenoise"
	"github.com/oboro-data/oboro/internal/fault"
)

// A made is what a handle of type oboro_release stands for.
type made struct {
	*anon.Release
	names []*C.char // C memory, given back with the handle
	input func()    // gives up the input, from which tables may still be read
}

func newMade(r *anon.Release, input func()) *made {
	m := &made{Release: r, input: input}
	for _, n := range r.Names() {
		m.names = append(m.names, text(n))
	}
	return m
}

func (m *made) free() {
	m.Close()
	m.input()
	for _, n := range m.names {
		cdata.Free(unsafe.Pointer(n))
	}
}

//export goPlan
func goPlan(policy *C.char, schema unsafe.Pointer, format *C.char, o *C.oboro_options, out **C.char, e *C.oboro_error) C.int32_t {
	return guard(e, func() error {
		_, base := settings(o)
		p, err := anon.ParsePolicy([]byte(C.GoString(policy)), base)
		if err != nil {
			return err
		}
		var plan *anon.Plan
		if schema == nil {
			plan, err = p.Plan(nil)
		} else if s, serr := cdata.ImportSchema(schema); serr != nil {
			return serr
		} else {
			plan, err = p.Plan(s)
		}
		if err != nil {
			return err
		}
		switch C.GoString(format) {
		case "text":
			return hand(out, plan.String())
		case "json":
			return handJSON(out, outlineOf(p, plan))
		}
		return misuse(`the format of a plan is "text" or "json"`)
	})
}

// An outline is a plan as JSON.
type outline struct {
	Title    string           `json:"title"`
	Unit     *string          `json:"unit"` // null: every row is one
	Releases []outlineRelease `json:"releases"`
	Text     string           `json:"text"`
}

type outlineRelease struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

func outlineOf(p *anon.Policy, plan *anon.Plan) outline {
	o := outline{Title: p.Title, Text: plan.String()}
	if !p.UnitIsRow {
		o.Unit = &p.Unit
	}
	for _, r := range p.Releases {
		kind := "statistics"
		if r.Microdata != nil {
			kind = "microdata"
		}
		o.Releases = append(o.Releases, outlineRelease{r.Name, kind})
	}
	return o
}

func handJSON(out **C.char, v any) error {
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fault.Inputf("the result can't be written as JSON")
	}
	return hand(out, string(raw))
}

// source takes a foreign stream over as a table that can be read again: the
// batches stay in the producer's memory, or are spooled under a memory limit.
func source(ctx context.Context, r array.RecordReader, memory int64) (arrowio.Source, func(), error) {
	defer r.Release()
	if memory > 0 {
		s, err := arrowio.Spool(ctx, r, arrowio.SpoolOptions{Memory: memory})
		if err != nil {
			return nil, nil, err
		}
		return s, func() { s.Close() }, nil
	}
	m, err := arrowio.ReadAll(r)
	if err != nil {
		return nil, nil, err
	}
	return m, m.Release, nil
}

//export goRun
func goRun(policy *C.char, table unsafe.Pointer, o *C.oboro_options, out *unsafe.Pointer, e *C.oboro_error) C.int32_t {
	return guard(e, func() error {
		r, err := cdata.ImportStream(table)
		if err != nil {
			return err
		}
		opts, base := settings(o)
		opts.Backend = googlenoise.New()
		p, err := anon.ParsePolicy([]byte(C.GoString(policy)), base)
		if err != nil {
			r.Release()
			return err
		}
		plan, err := p.Plan(r.Schema())
		if err != nil {
			r.Release()
			return err
		}
		var release *anon.Release
		var done func()
		err = attended(o, func(ctx context.Context, progress func(anon.Progress)) error {
			src, giveUp, err := source(ctx, r, opts.Memory)
			if err != nil {
				return err
			}
			opts.Progress = progress
			if release, err = plan.Run(ctx, src, opts); err != nil {
				giveUp()
			}
			done = giveUp
			return err
		})
		if err != nil {
			return err
		}
		*out = put(newMade(release, done))
		return nil
	})
}

//export goReleaseCount
func goReleaseCount(h unsafe.Pointer) C.int64_t {
	m, err := get[*made](h)
	if err != nil {
		return 0
	}
	return C.int64_t(len(m.names))
}

//export goReleaseName
func goReleaseName(h unsafe.Pointer, i C.int64_t) *C.char {
	m, err := get[*made](h)
	if err != nil || i < 0 || int(i) >= len(m.names) {
		return nil
	}
	return m.names[i]
}

//export goReleaseTable
func goReleaseTable(h unsafe.Pointer, name *C.char, table unsafe.Pointer, e *C.oboro_error) C.int32_t {
	return guard(e, func() error {
		m, err := get[*made](h)
		if err != nil {
			return err
		}
		src := m.Table(C.GoString(name))
		if src == nil {
			return misuse("there is no release of that name; oboro_release_name lists them")
		}
		r, err := src.Open(context.Background())
		if err != nil {
			return err
		}
		defer r.Release()
		return cdata.ExportStream(r, table)
	})
}

//export goReleaseReport
func goReleaseReport(h unsafe.Pointer, format *C.char, out **C.char, e *C.oboro_error) C.int32_t {
	return guard(e, func() error {
		m, err := get[*made](h)
		if err != nil {
			return err
		}
		var page []byte
		switch C.GoString(format) {
		case "json":
			page, err = m.Report().JSON()
		case "markdown":
			page = m.Report().Markdown()
		case "html":
			page, err = m.Report().HTML()
		default:
			return misuse(`the format of a report is "json", "markdown" or "html"`)
		}
		if err != nil {
			return err
		}
		return hand(out, string(page))
	})
}

//export goReleaseWrite
func goReleaseWrite(h unsafe.Pointer, dir, format *C.char, replace C.int32_t, o *C.oboro_options, e *C.oboro_error) C.int32_t {
	return guard(e, func() error {
		m, err := get[*made](h)
		if err != nil {
			return err
		}
		var f arrowio.Format
		switch C.GoString(format) {
		case "parquet":
			f = parquet.Format
		case "csv":
			f = arrowio.CSVFormat
		case "ipc":
			f = arrowio.IPCFormat
		default:
			return misuse(`the format of a release folder is "parquet", "csv" or "ipc"`)
		}
		return attended(o, func(ctx context.Context, _ func(anon.Progress)) error {
			return m.WriteDir(ctx, C.GoString(dir), f, anon.WriteOptions{Replace: replace != 0})
		})
	})
}

//export goReleaseFree
func goReleaseFree(h unsafe.Pointer) {
	if m, err := take[*made](h); err == nil {
		m.free()
	}
}

//export goVerify
func goVerify(dir *C.char, o *C.oboro_options, out **C.char, e *C.oboro_error) C.int32_t {
	return guard(e, func() error {
		var v *anon.Verification
		err := attended(o, func(ctx context.Context, _ func(anon.Progress)) (err error) {
			v, err = anon.VerifyDir(ctx, C.GoString(dir), anon.VerifyOptions{Formats: []arrowio.Format{parquet.Format}})
			return err
		})
		if err != nil {
			return err
		}
		return handJSON(out, map[string]any{"title": v.Report.Title, "checks": v.Checks})
	})
}
