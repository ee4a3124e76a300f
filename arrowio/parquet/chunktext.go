package parquet

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// texts are texts one after another: text i is data[offsets[i]:offsets[i+1]].
type texts struct {
	offsets []int32
	data    []byte
}

// readTexts reads n texts in the PLAIN encoding.
func readTexts(b []byte, n int) (texts, error) {
	if n > len(b)/4 || len(b) > math.MaxInt32 {
		return texts{}, errPage
	}
	t := texts{make([]int32, 1, n+1), make([]byte, 0, len(b)-4*n)}
	for range n {
		if len(b) < 4 {
			return texts{}, errPage
		}
		size := binary.LittleEndian.Uint32(b)
		if b = b[4:]; uint64(size) > uint64(len(b)) {
			return texts{}, errPage
		}
		t.data = append(t.data, b[:size]...)
		t.offsets = append(t.offsets, int32(len(t.data)))
		b = b[size:]
	}
	return t, nil
}

func (t texts) len() int { return max(len(t.offsets)-1, 0) }

func (t texts) at(i int32) []byte { return t.data[t.offsets[i]:t.offsets[i+1]] }

func (t texts) array() arrow.Array {
	if t.offsets == nil {
		t.offsets = []int32{0}
	}
	return makeArray(arrow.BinaryTypes.String, t.len(), 0, nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(t.offsets)), memory.NewBufferBytes(t.data))
}

// textTarget holds texts out of any dictionary.
type textTarget struct {
	dict  texts
	codes []int32 // codes of the page not yet taken, if it has a dictionary
	space []int32
	page  texts
	coded bool
	at    int32 // text of a plain page
	out   texts
}

func (t *textTarget) dictionary(b []byte, n int) (err error) {
	t.dict, err = readTexts(b, n)
	return err
}

func (t *textTarget) load(b []byte, n int, dict bool) (err error) {
	if t.coded = dict; dict {
		t.space, err = codes(b, n, t.dict.len(), t.space)
		t.codes = t.space
		return err
	}
	t.at = 0
	t.page, err = readTexts(b, n)
	return err
}

func (t *textTarget) start() {
	if t.out.offsets == nil {
		t.out = texts{make([]int32, 1, batchRows+1), make([]byte, 0, 16*batchRows)}
	}
}

func (t *textTarget) take(n int) {
	t.start()
	if t.coded {
		for _, c := range t.codes[:n] {
			t.out.data = append(t.out.data, t.dict.at(c)...)
			t.end()
		}
		t.codes = t.codes[n:]
		return
	}
	from, base := t.page.offsets[t.at], int32(len(t.out.data))
	for _, o := range t.page.offsets[t.at+1 : int(t.at)+n+1] {
		t.out.offsets = append(t.out.offsets, base+o-from)
	}
	t.at += int32(n)
	t.out.data = append(t.out.data, t.page.data[from:t.page.offsets[t.at]]...)
	t.check()
}

// end ends a text. A batch has at most 2 GiB of text, as Arrow's utf8 does.
func (t *textTarget) end() {
	t.check()
	t.out.offsets = append(t.out.offsets, int32(len(t.out.data)))
}

func (t *textTarget) check() {
	if len(t.out.data) > math.MaxInt32 {
		panic("parquet: a batch of more than 2 GiB of text")
	}
}

func (t *textTarget) zero() {
	t.start()
	t.end()
}

func (t *textTarget) finish(n int, valid *memory.Buffer, nulls int) arrow.Array {
	out := t.out
	t.out = texts{}
	if out.offsets == nil {
		out.offsets = []int32{0}
	}
	return makeArray(arrow.BinaryTypes.String, n, nulls, valid, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(out.offsets)), memory.NewBufferBytes(out.data))
}

// dictTarget holds codes of the chunk's dictionary. Batches share the
// dictionary as one array, which whoever translates codes does but once.
type dictTarget struct {
	t      *arrow.DictionaryType
	dict   texts
	shared arrow.Array      // dict as an array; nil when it has grown
	byText map[string]int32 // made when a page has plain texts
	codes  []int32
	space  []int32
	out    []int32
}

func (t *dictTarget) dictionary(b []byte, n int) (err error) {
	t.dict, err = readTexts(b, n)
	return err
}

func (t *dictTarget) load(b []byte, n int, dict bool) (err error) {
	if dict {
		t.space, err = codes(b, n, t.dict.len(), t.space)
		t.codes = t.space
		return err
	}
	page, err := readTexts(b, n)
	if err != nil {
		return err
	}
	if t.byText == nil {
		t.byText = make(map[string]int32, t.dict.len())
		for i := range t.dict.len() {
			t.byText[string(t.dict.at(int32(i)))] = int32(i)
		}
	}
	t.codes = make([]int32, n)
	for i := range t.codes {
		s := page.at(int32(i))
		c, ok := t.byText[string(s)]
		if !ok {
			c = int32(t.dict.len())
			t.grow(s)
			t.byText[string(s)] = c
		}
		t.codes[i] = c
	}
	return nil
}

// grow adds an entry. Arrays made so far keep the old entries: what they hold
// of the slices does not change.
func (t *dictTarget) grow(s []byte) {
	if t.dict.offsets == nil {
		t.dict.offsets = []int32{0}
	}
	if len(t.dict.data)+len(s) > math.MaxInt32 {
		panic("parquet: a dictionary of more than 2 GiB of text")
	}
	t.dict.data = append(t.dict.data, s...)
	t.dict.offsets = append(t.dict.offsets, int32(len(t.dict.data)))
	t.shared = nil
}

func (t *dictTarget) take(n int) {
	if t.out == nil {
		t.out = make([]int32, 0, batchRows)
	}
	t.out = append(t.out, t.codes[:n]...)
	t.codes = t.codes[n:]
}

func (t *dictTarget) zero() { t.out = append(t.out, 0) }

func (t *dictTarget) finish(n int, valid *memory.Buffer, nulls int) arrow.Array {
	out := t.out
	t.out = nil
	if t.shared == nil {
		t.shared = t.dict.array()
	}
	data := array.NewDataWithDictionary(t.t, n, []*memory.Buffer{valid, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(out))}, nulls, 0, t.shared.Data().(*array.Data))
	defer data.Release()
	return array.MakeFromData(data)
}
