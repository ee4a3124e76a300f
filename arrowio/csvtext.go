package arrowio

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"

	"github.com/oboro-data/oboro/internal/fault"
)

// encodings by their names in lower case, "_" as "-". Shift_JIS is read as
// Windows does (code page 932).
var encodings = map[string]encoding.Encoding{
	"shift-jis": japanese.ShiftJIS, "sjis": japanese.ShiftJIS, "cp932": japanese.ShiftJIS, "windows-31j": japanese.ShiftJIS, "ms932": japanese.ShiftJIS,
	"euc-jp": japanese.EUCJP, "eucjp": japanese.EUCJP,
	"windows-1252": charmap.Windows1252, "cp1252": charmap.Windows1252,
	"latin1": charmap.ISO8859_1, "iso-8859-1": charmap.ISO8859_1,
}

// decoder returns the encoding that the options name, nil for UTF-8.
func (s *CSV) decoder() (encoding.Encoding, error) {
	name := strings.ReplaceAll(strings.ToLower(s.o.Encoding), "_", "-")
	switch name {
	case "", "utf-8", "utf8":
		return nil, nil
	}
	e, ok := encodings[name]
	if !ok {
		return nil, fault.Planf("%s: encoding %q is not known; set `encoding:` to utf-8, cp932, shift_jis, euc-jp, windows-1252 or latin1", s.name, s.o.Encoding)
	}
	return e, nil
}

func (s *CSV) encodingName() string {
	if s.utf8 {
		return "UTF-8"
	}
	return s.o.Encoding
}

// A textReader reads the text of a file: decompressed and in UTF-8.
type textReader struct {
	io.Reader
	close []func()
}

func (t *textReader) Close() {
	for _, c := range t.close {
		c()
	}
}

// text opens the file at an offset of its text. The first call settles how
// the file is read and its size; later ones find the file as it was.
func (s *CSV) text(from int64) (*textReader, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, fileError(s.name, err)
	}
	t := &textReader{f, []func(){func() { f.Close() }}}
	if err := s.decode(t, f, from); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (s *CSV) decode(t *textReader, f *os.File, from int64) error {
	st, err := f.Stat()
	if err != nil {
		return fileError(s.name, err)
	}
	if !st.Mode().IsRegular() {
		return fault.Inputf("%s: it is no regular file and can't be read twice; copy it to a file", s.name)
	}
	if s.names != nil && st.Size() != s.size {
		return changed(s.name)
	}
	s2 := st.Size()
	head := make([]byte, 4)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fileError(s.name, err)
	}
	head = head[:n]
	enc, err := s.decoder()
	if err != nil {
		return err
	}
	packed := true
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bufio.NewReaderSize(f, blockSize))
		if err != nil {
			return s.readError(err)
		}
		t.Reader, t.close = unpacker{s, z}, append(t.close, func() { z.Close() })
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			return s.readError(err)
		}
		t.Reader, t.close = unpacker{s, z}, append(t.close, z.Close)
	default:
		packed = false
	}
	if s.names == nil {
		s.size, s.utf8, s.plain = s2, enc == nil, enc == nil && !packed
	}
	if s.plain {
		if _, err := f.Seek(from, io.SeekStart); err != nil {
			return fileError(s.name, err)
		}
		return nil
	}
	if enc != nil {
		t.Reader = enc.NewDecoder().Reader(t.Reader)
	}
	if _, err := io.CopyN(io.Discard, t.Reader, from); err != nil {
		return s.readError(err)
	}
	return nil
}

// readError tells the operating system's errors from those of the
// decompressors, which mean a damaged file.
func (s *CSV) readError(err error) error {
	var pe *fs.PathError
	if isOurs(err) {
		return err
	}
	if errors.As(err, &pe) {
		return fileError(s.name, err)
	}
	return Damaged(s.name)
}

// An unpacker reads a decompressor and names its errors, so that the end of a
// truncated file is not taken for the end of the text.
type unpacker struct {
	src *CSV
	in  io.Reader
}

func (u unpacker) Read(p []byte) (int, error) {
	n, err := u.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = u.src.readError(err)
	}
	return n, err
}
