package arrowio

import (
	"runtime"
	"runtime/debug"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// MapIPC is OpenIPC for a file that stays as it is while its rows are in use:
// columns are used where the system maps the file into memory, and nothing is
// copied. Their memory is read-only, and is given back when no array refers to
// it any more, so texts and slices taken out of an array are valid as long as
// the array is kept.
//
// A file that is cut short is found out, and is an error, when its rows are
// read. If it is cut while they are in use, the operating system ends the
// program; and what someone writes into it then, nobody has checked. Where
// that can happen use OpenIPC.
//
// Compressed and nested columns, and systems without memory maps, are read as
// OpenIPC does. Errors are those of OpenIPC.
func MapIPC(path string) (*IPC, error) {
	s, err := OpenIPC(path)
	if err != nil || s.layout == nil {
		return s, err
	}
	f, err := s.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if b, err := mapFile(f, s.size); err == nil {
		s.mapped = &fileMap{bytes: b}
		runtime.AddCleanup(s.mapped, unmapFile, b)
	}
	return s, nil
}

// A fileMap is a file in memory. As the allocator of the buffers that lie in
// it, it is reachable as long as one of them is.
type fileMap struct {
	memory.Allocator // nil: nobody allocates here
	bytes            []byte
}

// Free does nothing: the map goes as a whole.
func (m *fileMap) Free([]byte) {}

// part returns bytes [lo, hi) of the file, or errDamaged where the file ends
// before. One byte of every page is read, since the end shows by a fault only.
func (m *fileMap) part(lo, hi int64) (b []byte, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			b, err = nil, errDamaged
		}
	}()
	b = m.bytes[lo:hi:hi]
	var sum byte
	for at := 0; at < len(b); at += 4096 {
		sum |= b[at]
	}
	sum |= b[len(b)-1]
	runtime.KeepAlive(sum)
	return b, nil
}

// buffer is a buffer of bytes of the map, or of other memory where m is nil.
func (m *fileMap) buffer(b []byte) *memory.Buffer {
	if m == nil {
		return memory.NewBufferBytes(b)
	}
	return memory.NewBufferWithAllocator(b, m)
}
