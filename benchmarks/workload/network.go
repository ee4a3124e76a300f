package workload

import (
	"context"
	"math/rand/v2"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/demo"
)

// The tables of a synthetic social network, those of the examples, in memory.

// Members is a table of n members, one row each.
func Members(ctx context.Context, n int) (*arrowio.Memory, error) {
	return inMemory(ctx, demo.NewMembers(demo.Seed, int64(n)))
}

// Logins is a log of n logins over a month.
func Logins(ctx context.Context, n int) (*arrowio.Memory, error) {
	return inMemory(ctx, demo.NewLogins(demo.Seed, int64(n)))
}

// Inquiries are n questions and complaints of members.
func Inquiries(ctx context.Context, n int) (*arrowio.Memory, error) {
	return inMemory(ctx, demo.NewInquiries(demo.Seed, int64(n)))
}

// Views is a log of n page views, three in ten of nobody known.
func Views(ctx context.Context, n int) (*arrowio.Memory, error) {
	return inMemory(ctx, demo.NewViews(demo.Seed, int64(n)))
}

func inMemory(ctx context.Context, src arrowio.Source) (*arrowio.Memory, error) {
	r, err := src.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	return arrowio.ReadAll(r)
}

// Segments is the number of target groups of a campaign.
const Segments = 200

// A segment is a target group: the members who fulfil two to five conditions.
type segment struct {
	decade     int32 // of birth, days from and to
	to         int32
	sex        string // "" is any, as below
	occupation string
	family     string
	prefecture string
}

// SegmentTable makes the pairs of member and target group (member_id int64,
// segment int64) of two hundred seeded groups of two to five conditions.
func SegmentTable(ctx context.Context, n int, seed uint64) (*arrowio.Memory, error) {
	r, err := demo.NewMembers(demo.Seed, int64(n)).Open(ctx, "member_id", "birth_date", "sex", "prefecture", "occupation", "family")
	if err != nil {
		return nil, err
	}
	defer r.Release()
	schema := arrow.NewSchema([]arrow.Field{{Name: "member_id", Type: arrow.PrimitiveTypes.Int64}, {Name: "segment", Type: arrow.PrimitiveTypes.Int64}}, nil)
	rng := rand.New(rand.NewPCG(seed, 3))
	var segments []segment
	var recs []arrow.Record
	for r.Next() {
		rec := r.Record()
		ids, born := rec.Column(0).(*array.Int64).Int64Values(), rec.Column(1).(*array.Date32).Date32Values()
		var words [4][]string
		for i := range words {
			words[i] = texts(rec.Column(2 + i))
		}
		for len(segments) < Segments { // conditions that the first members fulfil
			segments = append(segments, draw(rng, rec, words))
		}
		var member, which []int64
		for i, id := range ids {
			for s, c := range segments {
				if int32(born[i]) >= c.decade && int32(born[i]) < c.to && fits(c.sex, words[0][i]) && fits(c.prefecture, words[1][i]) && fits(c.occupation, words[2][i]) && fits(c.family, words[3][i]) {
					member, which = append(member, id), append(which, int64(s))
				}
			}
		}
		cols := []arrow.Array{
			plain(arrow.PrimitiveTypes.Int64, len(member), arrow.Int64Traits.CastToBytes(member)),
			plain(arrow.PrimitiveTypes.Int64, len(which), arrow.Int64Traits.CastToBytes(which)),
		}
		recs = append(recs, array.NewRecord(schema, cols, int64(len(member))))
	}
	return arrowio.NewMemory(schema, recs...), r.Err()
}

func fits(condition, value string) bool { return condition == "" || condition == value }

// draw takes a member and keeps two to five of what describes him.
func draw(rng *rand.Rand, rec arrow.Record, words [4][]string) segment {
	const decade = 3652
	at := rng.IntN(int(rec.NumRows()))
	born := int32(rec.Column(1).(*array.Date32).Value(at)) / decade * decade
	s := segment{born, born + decade, words[0][at], words[2][at], words[3][at], words[1][at]}
	drop := rng.Perm(5)[:rng.IntN(4)]
	for _, d := range drop {
		switch d {
		case 0:
			s.decade, s.to = -1<<31, 1<<31-1
		case 1:
			s.sex = ""
		case 2:
			s.occupation = ""
		case 3:
			s.family = ""
		case 4:
			s.prefecture = ""
		}
	}
	return s
}

// texts are the values of a dictionary column.
func texts(a arrow.Array) []string {
	d := a.(*array.Dictionary)
	words := d.Dictionary().(*array.String)
	out := make([]string, d.Len())
	for i := range out {
		out[i] = words.Value(d.GetValueIndex(i))
	}
	return out
}
