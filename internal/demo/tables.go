package demo

import (
	"context"
	"fmt"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
)

// A Table is one of the further synthetic tables of the same network, for
// examples and benchmarks. Like Visits it is made when it is read, and the same
// for the same seed and size. It implements arrowio.Splitter.
type Table struct {
	name     string
	schema   *arrow.Schema
	makers   []maker
	from, to int64
}

// A maker makes the rows from ≤ i < from+n of one column.
type maker func(from int64, n int) arrow.Array

// column is a field and how it is made.
type column struct {
	name string
	dt   arrow.DataType
	make maker
}

func newTable(name string, rows int64, columns ...column) *Table {
	t := &Table{name: name, to: max(rows, 0)}
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.name, Type: c.dt, Nullable: true}
		t.makers = append(t.makers, c.make)
	}
	t.schema = arrow.NewSchema(fields, nil)
	return t
}

// Name is how errors call the table.
func (t *Table) Name() string { return t.name }

// Schema returns the columns of the table.
func (t *Table) Schema() *arrow.Schema { return t.schema }

// Splits returns consecutive parts of about equal size; see arrowio.Splitter.
func (t *Table) Splits(n int) []arrowio.Source {
	rows := t.to - t.from
	n = int(max(1, min(int64(n), (rows+batchRows-1)/batchRows)))
	out := make([]arrowio.Source, n)
	for i := range out {
		part := *t
		part.from, part.to = t.from+rows*int64(i)/int64(n), t.from+rows*int64(i+1)/int64(n)
		out[i] = &part
	}
	return out
}

// Open starts a read; see arrowio.Source.
func (t *Table) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, at, err := arrowio.Resolve(t.name, t.schema, columns)
	if err != nil {
		return nil, err
	}
	row := t.from
	next := func() (arrow.Record, error) {
		if row >= t.to {
			return nil, nil
		}
		n := min(batchRows, t.to-row)
		cols := make([]arrow.Array, len(at))
		for i, c := range at {
			cols[i] = t.makers[c](row, int(n))
		}
		rec := array.NewRecord(schema, cols, n)
		for _, c := range cols {
			c.Release()
		}
		row += n
		return rec, nil
	}
	return arrowio.NewReader(ctx, t.name, schema, next, nil), nil
}

// integers, times, choices, words and lists make makers of one value per row.
func integers(value func(i int64) int64) maker {
	return func(from int64, n int) arrow.Array {
		b := batch{row: from, n: n}
		return b.integers(func(i int) int64 { return value(from + int64(i)) })
	}
}

func times(value func(i int64) int64) maker {
	return func(from int64, n int) arrow.Array {
		b := batch{row: from, n: n}
		return b.times(func(i int) int64 { return value(from + int64(i)) })
	}
}

func choices(list []string, value func(i int64) int) maker {
	return func(from int64, n int) arrow.Array {
		b := batch{row: from, n: n}
		return b.choices(list, func(i int) int { return value(from + int64(i)) })
	}
}

func days(value func(i int64) int32) maker {
	return func(from int64, n int) arrow.Array {
		b := array.NewDate32Builder(memory.DefaultAllocator)
		defer b.Release()
		for i := range n {
			b.Append(arrow.Date32(value(from + int64(i))))
		}
		return b.NewArray()
	}
}

func words(value func(i int64) string) maker {
	return func(from int64, n int) arrow.Array {
		b := array.NewStringBuilder(memory.DefaultAllocator)
		defer b.Release()
		for i := range n {
			b.Append(value(from + int64(i)))
		}
		return b.NewArray()
	}
}

func lists(value func(i int64) []string) maker {
	return func(from int64, n int) arrow.Array {
		b := array.NewListBuilder(memory.DefaultAllocator, arrow.BinaryTypes.String)
		defer b.Release()
		item := b.ValueBuilder().(*array.StringBuilder)
		for i := range n {
			b.Append(true)
			for _, v := range value(from + int64(i)) {
				item.Append(v)
			}
		}
		return b.NewArray()
	}
}

// orNull makes the values of a column null where keep is false.
func orNull(m maker, keep func(i int64) bool) maker {
	return func(from int64, n int) arrow.Array {
		whole := m(from, n)
		defer whole.Release()
		bits := memory.NewBufferBytes(make([]byte, (n+7)/8))
		nulls := 0
		for i := range n {
			if keep(from + int64(i)) {
				bits.Bytes()[i/8] |= 1 << (i % 8)
			} else {
				nulls++
			}
		}
		d := whole.Data()
		bufs := append([]*memory.Buffer{bits}, d.Buffers()[1:]...)
		out := array.NewData(d.DataType(), n, bufs, nil, nulls, 0)
		defer out.Release()
		return array.MakeFromData(out)
	}
}

// What is drawn beyond members.go.
const (
	aboutFamily = iota + 100
	aboutHobbies
	aboutUsage
	aboutWhen
	aboutTopic
	aboutChannel
	aboutCategory
	aboutDevice
	aboutKnown
	aboutAddress
	aboutWriter
)

var (
	families     = []string{"ひとり暮らし", "夫婦のみ", "夫婦と子", "ひとり親と子", "三世代", "その他"}
	familyShares = []int{300, 180, 320, 80, 60, 60}
	channels     = []string{"フォーム", "メール", "電話"}
	devices      = []string{"フィーチャーフォン", "パソコン", "スマートフォン", "タブレット"}
	deviceShares = []int{245, 410, 330, 15}
	topics       = numbered("相談", 40)
	categories   = numbered("分野", 100)
	hobbies      = numbered("趣味", 200)
)

func numbered(word string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%03d", word, i+1)
	}
	return out
}

// zipf draws index i of n with weight (i+1)^-1.
func zipf(n int) chooser {
	w := make([]float64, n)
	for i := range w {
		w[i] = 1 / float64(i+1)
	}
	return newChooser(w)
}

// memberColumns are the columns that describe a member, for tables whose row i
// belongs to member of(i).
func memberColumns(m *members, of func(i int64) int64) []column {
	return []column{
		{"member_id", arrow.PrimitiveTypes.Int64, integers(func(i int64) int64 { return m.id(of(i)) })},
		{"birth_date", arrow.FixedWidthTypes.Date32, days(func(i int64) int32 { return m.birthDate(of(i)) })},
		{"sex", short, choices(sexes, func(i int64) int { return m.sex.choose(m.bits(aboutSex, of(i))) })},
		{"prefecture", short, choices(prefectureNames, func(i int64) int { return m.prefectureOf(of(i)) })},
	}
}

// NewMembers returns a table of members, one row each.
func NewMembers(seed uint64, rows int64) *Table {
	m := newMembers(seed, rows)
	family, tag := newChooser(ints(familyShares)), zipf(len(hobbies))
	self := func(i int64) int64 { return i }
	return newTable("synthetic members", rows, append(memberColumns(m, self),
		column{"postal_code", arrow.BinaryTypes.String, words(func(i int64) string {
			var b [7]byte
			m.postalCode(&b, i)
			return string(b[:])
		})},
		column{"occupation", short, choices(occupations, m.occupationOf)},
		column{"family", short, choices(families, func(i int64) int { return family.choose(m.bits(aboutFamily, i)) })},
		column{"hobbies", arrow.ListOf(arrow.BinaryTypes.String), lists(func(i int64) []string {
			r := m.bits(aboutHobbies, i)
			var out []string
			for j := range 1 + r%8 {
				h := hobbies[tag.choose(m.bits(aboutHobbies, i*8+int64(j)))]
				if !contains(out, h) {
					out = append(out, h)
				}
			}
			return out
		})},
		column{"email", arrow.BinaryTypes.String, words(func(i int64) string { return "m" + strconv.FormatInt(m.id(i), 36) + "@example.jp" })},
		column{"usage_minutes", arrow.PrimitiveTypes.Int64, integers(func(i int64) int64 {
			u := unit(m.bits(aboutUsage, i))
			return int64(600 * u * u * u)
		})},
		column{"topic_seen", short, choices(topics, func(i int64) int { return int(m.bits(aboutTopic, i) % 12) })},
	)...)
}

func contains(list []string, v string) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// NewLogins returns a log of logins over 31 days, in the order of time, by
// members whose activity is as skewed as that of Visits.
func NewLogins(seed uint64, rows int64) *Table {
	m := newMembers(seed, (rows+29)/30)
	return newTable("synthetic logins", rows, append(memberColumns(m, m.visitor),
		column{"at", micros, times(func(i int64) int64 { return m.visitedAt(i, rows) })},
		column{"ip", arrow.BinaryTypes.String, words(func(i int64) string {
			r := m.bits(aboutAddress, m.visitor(i)*4+i%4)
			return fmt.Sprintf("%d.%d.%d.%d", 1+r%223, r>>8%256, r>>16%256, r>>24%256)
		})},
	)...)
}

// NewInquiries returns complaints and questions of members: forty topics with
// a heavy tail, a few members who write again and again, and free text.
func NewInquiries(seed uint64, rows int64) *Table {
	m := newMembers(seed, rows*3/4+1)
	topic := zipf(len(topics))
	writer := func(i int64) int64 {
		r := m.bits(aboutWriter, i)
		if r%20 == 0 { // one inquiry in twenty comes from one of a few
			return int64(r>>8) & 15 % m.count
		}
		return int64(r>>1) % m.count
	}
	return newTable("synthetic inquiries", rows, append(memberColumns(m, writer),
		column{"received_at", micros, times(func(i int64) int64 { return m.visitedAt(i, rows) })},
		column{"topic", short, choices(topics, func(i int64) int { return topic.choose(m.bits(aboutTopic, i)) })},
		column{"channel", short, choices(channels, func(i int64) int { return int(m.bits(aboutChannel, i) % 3) })},
		column{"text", arrow.BinaryTypes.String, words(func(i int64) string { return "お問い合わせ番号" + strconv.FormatInt(i, 10) + "の本文" })},
	)...)
}

// NewViews returns page views by cookie; three in ten are of visitors who are
// not logged in and have no member.
func NewViews(seed uint64, rows int64) *Table {
	m := newMembers(seed, (rows+39)/40)
	category, device := zipf(len(categories)), newChooser(ints(deviceShares))
	viewer := m.visitor
	known := func(i int64) bool { return m.bits(aboutKnown, viewer(i))%10 >= 3 }
	return newTable("synthetic page views", rows,
		column{"cookie_id", arrow.PrimitiveTypes.Int64, integers(func(i int64) int64 { return int64(m.bits(aboutKnown, viewer(i)*2+i%2) >> 1) })},
		column{"member_id", arrow.PrimitiveTypes.Int64, orNull(integers(func(i int64) int64 { return m.id(viewer(i)) }), known)},
		column{"viewed_at", micros, times(func(i int64) int64 { return m.visitedAt(i, rows) })},
		column{"category", short, choices(categories, func(i int64) int { return category.choose(m.bits(aboutCategory, i)) })},
		column{"device", short, choices(devices, func(i int64) int { return device.choose(m.bits(aboutDevice, viewer(i))) })},
		column{"url", arrow.BinaryTypes.String, words(func(i int64) string {
			return "https://ads.example.jp/" + strconv.FormatUint(m.bits(aboutCategory, i)%10_000_000, 36)
		})},
	)
}
