package dp

import (
	"bytes"
	"math/bits"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/prf"
)

// noGroup is the group of rows that belong to none: their key is not public.
const noGroup = 1<<32 - 1

// A groupTable numbers the groups that one accumulator has met, in the order
// of first sight. What leaves the accumulator never depends on these numbers:
// hashes and orders are those of the group's canonical key bytes.
//
// Rows are turned into tuples first: codes of the key column, or numbers of
// pairs of codes. As long as tuples are all there is, a group's number is its
// tuple's (direct). Once groups came from elsewhere, by their key bytes, last
// leads from tuples to groups. Key bytes and words are made for many groups at
// a time, when something asks (settle).
//
// The key bytes of a group are those of its cells, one after another: 1 and
// the value for a value, 2 for null. Numbers and times are 8 bytes whose
// bytewise order is that of the values (code.Encoder.AppendKey); text is
// followed by 0 0, and a byte 0 inside it by 255. Bytewise order of key bytes
// is therefore the order of the release: by the first column, then the second,
// null last. The group (Tokyo, null) has the bytes 1 T o k y o 0 0 2.
type groupTable struct {
	columns []*keyColumn
	pairs   []pairTable // pairs[c] joins what columns before c+1 make with column c+1
	direct  bool        // groups are tuples, and last is not used
	offsets *offsets    // groups are distances between keys; nil: they are not
	dense   *denseTable // groups are consecutive keys; nil: they are not
	last    []uint32    // number of the whole tuple to group+1, 0 where not met

	prf    *prf.Key
	spread uint64 // odd, secret
	public bool   // keys are fixed: others are noGroup
	number bool   // the only key column is a number

	bytes []byte   // key bytes of all groups, one after another
	ends  []uint64 // group to end of its key bytes
	words []uint64 // group to its word (wordOf)
	slots []uint32 // open addressing on a keyed hash of the word: group+1, 0 where empty; nil until find needs it

	scratch []byte
	codes   []uint32
}

// A keyColumn turns the values of one key column into small numbers: codes of
// its encoder, or with a level numbers of labels.
type keyColumn struct {
	encoder *code.Encoder
	number  bool        // the values have keys of 8 bytes, else of any length
	level   *GroupLevel // nil: the values themselves

	label   []uint32          // with a level: code to number of its label
	labels  [][]byte          // key bytes of the labels; the first is null
	byLabel map[string]uint32 // key bytes of a label to its number
}

// nullCell is the key bytes of null.
var nullCell = []byte{2}

// newGroupTable makes the table for key columns of these types.
func newGroupTable(types []arrow.DataType, levels []*GroupLevel, key *prf.Key) (*groupTable, error) {
	// Tuples differ in their key bytes, unless a key is a float, whose NaN and
	// null are one.
	t := &groupTable{prf: key, spread: key.Sum64([]byte("slots")) | 1, direct: len(types) > 0, number: isNumber(types, levels)}
	for i, dt := range types {
		if arrow.IsFloating(code.ValueType(dt).ID()) && levels[i] == nil {
			t.direct = false
		}
		e, err := code.NewEncoder(dt)
		if err != nil {
			return nil, err
		}
		c := &keyColumn{encoder: e, level: levels[i], number: isNumberKey(dt)}
		if c.level != nil {
			c.byLabel, c.labels = map[string]uint32{}, [][]byte{nullCell}
		}
		t.columns = append(t.columns, c)
	}
	if len(types) > 1 {
		t.pairs = make([]pairTable, len(types)-1)
	}
	return t, nil
}

// isNumberKey reports whether the keys of a type's values are 8 bytes.
func isNumberKey(dt arrow.DataType) bool { return code.FixedKey(dt) }

// appendTextCell appends the key bytes of a text.
func appendTextCell(dst []byte, text []byte) []byte {
	dst = append(dst, 1)
	for _, c := range text {
		dst = append(dst, c)
		if c == 0 {
			dst = append(dst, 255)
		}
	}
	return append(dst, 0, 0)
}

// nextCell splits the first cell off key bytes; value is its content, valid
// until the next call with the same scratch. ok is false for damaged bytes.
func nextCell(key, scratch []byte, number bool) (value []byte, null bool, rest []byte, ok bool) {
	if len(key) == 0 || key[0] != 1 && key[0] != 2 {
		return nil, false, nil, false
	}
	if key[0] == 2 {
		return nil, true, key[1:], true
	}
	key = key[1:]
	if number {
		if len(key) < 8 {
			return nil, false, nil, false
		}
		return key[:8], false, key[8:], true
	}
	value = scratch[:0]
	for i := 0; i+1 < len(key); i++ {
		if key[i] != 0 {
			value = append(value, key[i])
			continue
		}
		switch key[i+1] {
		case 0:
			return value, false, key[i+2:], true
		case 255:
			value = append(value, 0)
			i++
		default:
			return nil, false, nil, false
		}
	}
	return nil, false, nil, false
}

// appendCell appends the key bytes of a number of the column.
func (c *keyColumn) appendCell(dst []byte, n uint32) []byte {
	switch {
	case c.level != nil:
		return append(dst, c.labels[n]...)
	case c.encoder.IsNull(n):
		return append(dst, nullCell...)
	case c.number:
		return c.encoder.AppendKey(append(dst, 1), n)
	}
	return appendTextCell(dst, c.encoder.AppendKey(nil, n))
}

// learn raises the values that the encoder met since the last call to the
// column's level. A value that the hierarchy does not list is null: a release
// never fails on data.
func (c *keyColumn) learn() error {
	from, n := len(c.label), c.encoder.Len()
	if from == n {
		return nil
	}
	values := c.encoder.ValuesFrom(from)
	defer values.Release()
	var labels []string
	var ok []bool
	if top := len(c.level.Hierarchy.Levels()) + 1; c.level.Level < top {
		var err error
		if labels, ok, err = c.level.Hierarchy.Generalize(values, c.level.Level); err != nil {
			return err
		}
	}
	var cell []byte
	for i := range n - from {
		label := hierarchy.Top
		if labels != nil {
			label = labels[i]
		}
		if c.encoder.IsNull(uint32(from+i)) || ok != nil && !ok[i] {
			c.label = append(c.label, 0)
			continue
		}
		cell = appendTextCell(cell[:0], []byte(label))
		c.label = append(c.label, c.labelNumber(cell))
	}
	return nil
}

// labelNumber is the number of the label with these key bytes, which are not
// kept.
func (c *keyColumn) labelNumber(cell []byte) uint32 {
	at, seen := c.byLabel[string(cell)]
	if !seen {
		at = uint32(len(c.labels))
		c.byLabel[string(cell)] = at
		c.labels = append(c.labels, bytes.Clone(cell))
	}
	return at
}

// groups writes the group of every row to dst, whose length is the number of
// rows. columns are the key columns, none for one group of everything.
func (t *groupTable) groups(columns []arrow.Array, dst []uint32) error {
	if len(columns) == 0 {
		g := t.find(nil)
		for i := range dst {
			dst[i] = g
		}
		return nil
	}
	for i, arr := range columns {
		c := t.columns[i]
		var err error
		if t.codes, err = c.encoder.Encode(t.codes[:0], arr); err != nil {
			return err
		}
		if c.level != nil {
			if err := c.learn(); err != nil {
				return err
			}
			for r, v := range t.codes {
				t.codes[r] = c.label[v]
			}
		}
		if i == 0 {
			copy(dst, t.codes)
			continue
		}
		p := &t.pairs[i-1]
		for r, v := range t.codes {
			dst[r] = p.find(dst[r], v)
		}
	}
	if t.direct {
		return nil
	}
	for r, tuple := range dst {
		if int(tuple) < len(t.last) {
			if g := t.last[tuple]; g != 0 {
				dst[r] = g - 1
				continue
			}
		}
		dst[r] = t.meet(tuple)
	}
	return nil
}

// meet finds the group of a tuple that was not met before.
func (t *groupTable) meet(tuple uint32) uint32 {
	for int(tuple) >= len(t.last) {
		t.last = append(t.last, 0)
	}
	t.scratch = t.appendKey(t.scratch[:0], len(t.columns)-1, tuple)
	g := t.find(t.scratch)
	t.last[tuple] = g + 1 // 0 for noGroup: looked up again, which is right
	return g
}

// tuples is the number of tuples.
func (t *groupTable) tuples() int {
	if n := len(t.pairs); n > 0 {
		return len(t.pairs[n-1].members)
	}
	if c := t.columns[0]; c.level != nil {
		return len(c.labels)
	} else {
		return c.encoder.Len()
	}
}

// settle makes the key bytes and hashes of the groups that have none yet. Every
// function here that needs them calls it; others call it before they read words
// or key.
func (t *groupTable) settle() {
	if !t.direct {
		return
	}
	from, n := len(t.ends), t.tuples()
	if from == n {
		return
	}
	t.ends, t.words = slices.Grow(t.ends, n-from), slices.Grow(t.words, n-from)
	for g := from; g < n; g++ {
		start := len(t.bytes)
		t.bytes = t.appendKey(t.bytes, len(t.columns)-1, uint32(g))
		t.ends = append(t.ends, uint64(len(t.bytes)))
		t.words = append(t.words, t.wordOf(t.bytes[start:]))
	}
}

// leave ends the time when groups are tuples.
func (t *groupTable) leave() {
	t.settle()
	t.direct = false
	t.last = make([]uint32, t.len())
	for g := range t.last {
		t.last[g] = uint32(g) + 1
	}
}

// appendKey appends the key bytes of columns 0 to c of a tuple.
func (t *groupTable) appendKey(dst []byte, c int, tuple uint32) []byte {
	if c > 0 {
		p := t.pairs[c-1].members[tuple]
		dst = t.appendKey(dst, c-1, p.left)
		tuple = p.right
	}
	return t.columns[c].appendCell(dst, tuple)
}

// key is the key bytes of a group.
func (t *groupTable) key(g uint32) []byte {
	switch {
	case t.dense != nil:
		return t.dense.key(g)
	case t.offsets != nil:
		return (&denseTable{t.offsets.base, nullOffset}).key(g)
	}
	from := uint64(0)
	if g > 0 {
		from = t.ends[g-1]
	}
	return t.bytes[from:t.ends[g]]
}

func (t *groupTable) len() int {
	switch {
	case t.dense != nil:
		return int(t.dense.null) + 1
	case t.offsets != nil:
		return nullOffset + 1
	}
	if t.direct {
		return t.tuples()
	}
	return len(t.ends)
}

// within reports whether the last bits of their numbers tell all groups apart,
// for a power of two n.
func (t *groupTable) within(n int) bool {
	if o := t.offsets; o != nil {
		return !o.null && o.lo <= o.hi && int(o.hi-o.lo) < n
	}
	return t.len() <= n
}

// find returns the group with these key bytes, a new one if it was not met, or
// noGroup where keys are public and this is not one of them.
func (t *groupTable) find(key []byte) uint32 { return t.findWord(key, t.wordOf(key)) }

// findWord is find for key bytes whose word is known.
func (t *groupTable) findWord(key []byte, word uint64) uint32 {
	if t.direct {
		t.leave()
	}
	if 2*len(t.ends) >= len(t.slots) {
		t.index(2*len(t.ends) + 1)
	}
	mask := uint64(len(t.slots) - 1)
	i := t.slotOf(word)
	for ; t.slots[i] != 0; i = (i + 1) & mask {
		if g := t.slots[i] - 1; t.words[g] == word && bytes.Equal(t.key(g), key) {
			return g
		}
	}
	if t.public {
		return noGroup
	}
	g := t.add(key, word)
	t.slots[i] = g + 1
	return g
}

// add makes a new group, which is not in the slots yet.
func (t *groupTable) add(key []byte, word uint64) uint32 {
	t.bytes = append(t.bytes, key...)
	t.ends = append(t.ends, uint64(len(t.bytes)))
	t.words = append(t.words, word)
	return uint32(len(t.ends) - 1)
}

// index makes the slots anew, at least twice as many as the groups that are
// expected.
func (t *groupTable) index(groups int) {
	t.slots = make([]uint32, max(16, 1<<bits.Len(uint(2*groups-1))))
	mask := uint64(len(t.slots) - 1)
	for g, word := range t.words {
		i := t.slotOf(word)
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = uint32(g) + 1
	}
}

// slotOf is where the search for a word begins: multiplication by a secret, so
// that nobody can choose keys that collide.
func (t *groupTable) slotOf(word uint64) uint64 {
	return word * t.spread >> (64 - bits.TrailingZeros(uint(len(t.slots))))
}

// absorb finds all groups of another table under the same key and returns
// their numbers here.
func (t *groupTable) absorb(other *groupTable) []uint32 {
	if t.direct && other.direct {
		return t.absorbTuples(other)
	}
	other.settle()
	to := make([]uint32, other.len())
	for g := range to {
		to[g] = t.findWord(other.key(uint32(g)), other.words[g])
	}
	return to
}

// absorbTuples is absorb where groups are tuples in both tables.
func (t *groupTable) absorbTuples(other *groupTable) []uint32 {
	to := t.columns[0].absorb(other.columns[0])
	for i := range t.pairs {
		right := t.columns[i+1].absorb(other.columns[i+1])
		members := other.pairs[i].members
		pairs := make([]uint32, len(members))
		for p, m := range members {
			pairs[p] = t.pairs[i].find(to[m.left], right[m.right])
		}
		to = pairs
	}
	return to
}

// absorb gives numbers to what another column has numbered, and returns them.
func (c *keyColumn) absorb(other *keyColumn) []uint32 {
	if c.level == nil {
		return c.encoder.Merge(other.encoder)
	}
	to := make([]uint32, len(other.labels))
	for i, label := range other.labels[1:] {
		to[i+1] = c.labelNumber(label)
	}
	return to
}

// order returns the rank of every group in the order of key bytes.
func (t *groupTable) order() []uint32 {
	t.settle()
	sorted := make([]uint32, t.len())
	for i := range sorted {
		sorted[i] = uint32(i)
	}
	slices.SortFunc(sorted, func(a, b uint32) int { return bytes.Compare(t.key(a), t.key(b)) })
	rank := make([]uint32, len(sorted))
	for r, g := range sorted {
		rank[g] = uint32(r)
	}
	return rank
}

// keyTypes are the types of the key columns in a release: those of the input,
// text for generalised columns. Dictionaries have indices of 32 bits whatever
// the input had, as the schema must not depend on the number of values.
func keyTypes(types []arrow.DataType, levels []*GroupLevel) []arrow.DataType {
	out := make([]arrow.DataType, len(types))
	for i, dt := range types {
		_, dictionary := dt.(*arrow.DictionaryType)
		switch {
		case levels[i] != nil:
			out[i] = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
		case dictionary:
			out[i] = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: code.ValueType(dt)}
		default:
			out[i] = dt
		}
	}
	return out
}

// keyArrays turns the key bytes of groups into columns of keyTypes. A
// dictionary holds the values of these groups and no other. ok is false for
// damaged key bytes.
func keyArrays(types []arrow.DataType, keys [][]byte) (out []arrow.Array, ok bool) {
	rest := slices.Clone(keys)
	var scratch []byte
	for _, dt := range types {
		value := code.ValueType(dt)
		_, dictionary := dt.(*arrow.DictionaryType)
		values := array.NewBuilder(memory.DefaultAllocator, value)
		indices := array.NewInt32Builder(memory.DefaultAllocator)
		place := map[string]int32{}
		for i := range rest {
			v, null, tail, fine := nextCell(rest[i], scratch, isNumberKey(value))
			if !fine {
				return nil, false
			}
			rest[i] = tail
			if !isNumberKey(value) {
				scratch = v
			}
			switch {
			case null && dictionary:
				indices.AppendNull()
			case null:
				values.AppendNull()
			case !dictionary:
				code.AppendFromKey(values, v)
			default:
				at, seen := place[string(v)]
				if !seen {
					at = int32(len(place))
					place[string(v)] = at
					code.AppendFromKey(values, v)
				}
				indices.Append(at)
			}
		}
		arr := values.NewArray()
		if dictionary {
			arr = array.NewDictionaryArray(dt, indices.NewArray(), arr)
		}
		out = append(out, arr)
	}
	for _, r := range rest {
		if len(r) != 0 {
			return nil, false
		}
	}
	return out, true
}

// A pairTable numbers pairs in the order of first sight.
type pairTable struct {
	members []pairMember
	slots   []pairSlot
}

type pairMember struct{ left, right uint32 }

type pairSlot struct {
	pair uint64
	id   uint32 // number+1, 0 where empty
}

// find returns the number of (left, right).
func (t *pairTable) find(left, right uint32) uint32 {
	if 2*len(t.members) >= len(t.slots) {
		t.grow()
	}
	pair := uint64(left)<<32 | uint64(right)
	mask := uint64(len(t.slots) - 1)
	for i := spread(pair) & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.id == 0 {
			t.members = append(t.members, pairMember{left, right})
			*s = pairSlot{pair, uint32(len(t.members))}
			return s.id - 1
		}
		if s.pair == pair {
			return s.id - 1
		}
	}
}

func (t *pairTable) grow() {
	t.slots = make([]pairSlot, max(64, 2*len(t.slots)))
	mask := uint64(len(t.slots) - 1)
	for id, m := range t.members {
		pair := uint64(m.left)<<32 | uint64(m.right)
		i := spread(pair) & mask
		for t.slots[i].id != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = pairSlot{pair, uint32(id) + 1}
	}
}

// spread mixes a pair of small numbers into the low bits.
func spread(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	return x ^ x>>29
}
