package parquet

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestHybridExample(t *testing.T) {
	if got := appendHybrid(nil, []int32{5, 5, 5, 5, 5, 5, 5, 5, 5}, 3); !bytes.Equal(got, []byte{0x12, 5}) {
		t.Errorf("nine fives: %x", got)
	}
	if got := appendHybrid(nil, []int32{0, 1, 2, 3, 4, 5, 6, 7}, 3); !bytes.Equal(got, []byte{0x03, 0x88, 0xc6, 0xfa}) {
		t.Errorf("0 to 7: %x", got)
	}
}

// What is encoded is decoded again, at every width, with runs of every length;
// a cut or a value out of range is an error.
func TestHybridRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for width := 1; width <= 31; width++ {
		limit := uint32(1) << width
		for range 40 {
			var v []int32
			for len(v) < 1+rng.IntN(300) {
				x := int32(rng.Uint32N(limit))
				for range 1 + rng.IntN(4)*rng.IntN(9) {
					v = append(v, x)
				}
			}
			b := appendHybrid(nil, v, width)
			got := make([]int32, len(v))
			if err := decodeHybrid(b, width, limit, got); err != nil || !slices.Equal(got, v) {
				t.Fatalf("width %d: %v\n got %v\nwant %v", width, err, got, v)
			}
			if top := slices.Max(v); decodeHybrid(b, width, uint32(top), got) == nil {
				t.Fatalf("width %d: a value out of range is taken", width)
			}
			if decodeHybrid(b[:rng.IntN(len(b))], width, limit, make([]int32, len(v)+8)) == nil {
				t.Fatalf("width %d: a cut is taken", width)
			}
		}
	}
}
