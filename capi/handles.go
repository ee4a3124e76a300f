//go:build cgo

package main

// #include <stdlib.h>
import "C"

import (
	"sync"
	"unsafe"
)

// handles maps the numbers that callers hold to the objects behind them. A
// number is never used twice, so a handle that was freed is told from every
// living one.
var handles = struct {
	sync.Mutex
	next    uintptr
	objects map[uintptr]any
}{next: 1, objects: map[uintptr]any{}}

// put stores an object and returns its handle. The pointer is a number, never
// an address; multiples of 16 look like one to tools that check alignment.
func put(object any) unsafe.Pointer {
	handles.Lock()
	defer handles.Unlock()
	h := handles.next * 16
	handles.next++
	handles.objects[h] = object
	return number(h)
}

// number makes a pointer of a handle without the compiler taking it for an
// address.
func number(h uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&h)) }

// get returns the object of a handle, which must be of type T.
func get[T any](p unsafe.Pointer) (T, error) {
	handles.Lock()
	defer handles.Unlock()
	object, ok := handles.objects[uintptr(p)].(T)
	if !ok {
		return object, misuse("the handle is not one of this library's, or has been freed")
	}
	return object, nil
}

// take removes a handle and returns its object.
func take[T any](p unsafe.Pointer) (T, error) {
	object, err := get[T](p)
	if err == nil {
		handles.Lock()
		delete(handles.objects, uintptr(p))
		handles.Unlock()
	}
	return object, err
}

//export goLiveHandles
func goLiveHandles() C.int64_t {
	handles.Lock()
	defer handles.Unlock()
	return C.int64_t(len(handles.objects))
}

func freeC(p *C.char) { C.free(unsafe.Pointer(p)) }
