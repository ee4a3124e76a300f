package dp

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/prf"
)

// A unitReader turns the unit of every row into words whose leading bits choose
// a bucket: numbers are mixed one to one, all else is hashed to 128 bits.
type unitReader struct {
	person identity
	mix    mixer
	key    *prf.Key

	cell  int64 // ticks of the cell column to a time cell; 0 for none
	words []uint64
}

func newUnitReader(p *Plan, key *prf.Key) unitReader {
	i := 0
	for p.columns[i] != p.query.Unit {
		i++
	}
	u := unitReader{person: identity{words: identityWords(p.columnTypes[i]), key: key}, mix: newMixer(key), key: key}
	if c := p.query.UnitCell; c != nil {
		for i, name := range p.columns {
			if name == c.Column {
				tick, _ := tickOf(p.columnTypes[i])
				u.cell = int64(c.Every / tick)
			}
		}
	}
	return u
}

// fill writes the words of every row's unit, and whether it has none. cell is
// nil without time cells.
func (u *unitReader) fill(person, cell arrow.Array, dst []uint64, none []bool) {
	if cell == nil {
		u.person.fill(person, dst, none)
		if u.person.words == 1 {
			for i, w := range dst {
				dst[i] = u.mix.mix(w)
			}
		}
		return
	}
	w := u.person.words
	if n := len(none) * w; len(u.words) < n {
		u.words = make([]uint64, n)
	}
	u.person.fill(person, u.words[:len(none)*w], none)
	for i := range none {
		ticks, ok := ticksAt(cell, i)
		if none[i] = none[i] || !ok; none[i] {
			continue
		}
		number := ticks / u.cell
		if ticks%u.cell < 0 {
			number--
		}
		msg := bigEndian(nil, u.words[i*w:i*w+w])
		dst[2*i], dst[2*i+1] = u.key.Sum128(bigEndian(msg, []uint64{uint64(number)}))
	}
}

// tickOf is the unit of time of a date or timestamp column.
func tickOf(dt arrow.DataType) (time.Duration, bool) {
	switch dt := code.ValueType(dt).(type) {
	case *arrow.Date32Type:
		return 24 * time.Hour, true
	case *arrow.Date64Type:
		return time.Millisecond, true
	case *arrow.TimestampType:
		return dt.Unit.Multiplier(), true
	}
	return 0, false
}

// ticksAt is a date or time in ticks since 1970.
func ticksAt(arr arrow.Array, i int) (int64, bool) {
	if arr.IsNull(i) {
		return 0, false
	}
	switch a := arr.(type) {
	case *array.Dictionary:
		return ticksAt(a.Dictionary(), a.GetValueIndex(i))
	case *array.Date32:
		return int64(a.Value(i)), true
	case *array.Date64:
		return int64(a.Value(i)), true
	case *array.Timestamp:
		return int64(a.Value(i)), true
	}
	return 0, false
}
