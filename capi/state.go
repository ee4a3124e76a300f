//go:build cgo

package main

// #include "oboro.h"
import "C"

import (
	"context"
	"unsafe"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/capi/internal/cdata"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
)

//export goKeyNew
func goKeyNew(out *C.uint8_t, e *C.oboro_error) C.int32_t {
	return guard(e, func() error {
		key, err := dp.NewKey()
		if err != nil {
			return err
		}
		copy(unsafe.Slice((*byte)(out), C.OBORO_KEY_BYTES), key.Bytes())
		key.Erase()
		return nil
	})
}

//export goStateNew
func goStateNew(policy, release *C.char, schema unsafe.Pointer, key *C.uint8_t, o *C.oboro_options, out *unsafe.Pointer, e *C.oboro_error) C.int32_t {
	return guard(e, func() error {
		opts, base := settings(o)
		p, err := anon.ParsePolicy([]byte(C.GoString(policy)), base)
		if err != nil {
			return err
		}
		s, err := cdata.ImportSchema(schema)
		if err != nil {
			return err
		}
		plan, err := p.Plan(s)
		if err != nil {
			return err
		}
		k, err := dp.KeyFromBytes(unsafe.Slice((*byte)(key), C.OBORO_KEY_BYTES))
		if err != nil {
			return err
		}
		partial, err := plan.NewPartial(C.GoString(release), k, opts)
		if err != nil {
			return err
		}
		*out = put(partial)
		return nil
	})
}

//export goStateUpdate
func goStateUpdate(h unsafe.Pointer, table unsafe.Pointer, e *C.oboro_error) C.int32_t {
	return guard(e, func() error {
		r, err := cdata.ImportStream(table)
		if err != nil {
			return err
		}
		s, err := get[*anon.Partial](h)
		if err != nil {
			r.Release()
			return err
		}
		src, done, err := source(context.Background(), r, 0)
		if err != nil {
			return err
		}
		defer done()
		return s.Update(context.Background(), src)
	})
}

//export goStateMerge
func goStateMerge(h unsafe.Pointer, bytes unsafe.Pointer, size C.size_t, e *C.oboro_error) C.int32_t {
	return guard(e, func() error {
		s, err := get[*anon.Partial](h)
		if err != nil {
			return err
		}
		if size > 1<<40 {
			return misuse("the size of the state is impossible")
		}
		return s.Merge(unsafe.Slice((*byte)(bytes), int(size)))
	})
}

//export goStateSerialise
func goStateSerialise(h unsafe.Pointer, out *unsafe.Pointer, size *C.size_t, e *C.oboro_error) C.int32_t {
	return guard(e, func() error {
		s, err := get[*anon.Partial](h)
		if err != nil {
			return err
		}
		state, err := s.State()
		if err != nil {
			return err
		}
		p := cdata.Alloc(len(state))
		if p == nil {
			return fault.Inputf("out of memory")
		}
		copy(unsafe.Slice((*byte)(p), len(state)), state)
		*out, *size = p, C.size_t(len(state))
		return nil
	})
}

//export goStateFinalise
func goStateFinalise(h unsafe.Pointer, out *unsafe.Pointer, e *C.oboro_error) C.int32_t {
	return guard(e, func() error {
		s, err := get[*anon.Partial](h)
		if err != nil {
			return err
		}
		r, err := s.Finish()
		if err != nil {
			return err
		}
		*out = put(newMade(r, func() {}))
		return nil
	})
}

//export goStateFree
func goStateFree(h unsafe.Pointer) { _, _ = take[*anon.Partial](h) }
