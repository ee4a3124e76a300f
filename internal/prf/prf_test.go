package prf

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"
)

// vectorKey is the key 00 01 … 0f of the published vectors.
func vectorKey(t testing.TB) *Key {
	t.Helper()
	k, err := FromBytes(vectorMessage(KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// vectorMessage is the message 00 01 … n-1 of the published vectors.
func vectorMessage(n int) []byte {
	m := make([]byte, n)
	for i := range m {
		m[i] = byte(i)
	}
	return m
}

// Outputs by message length, from vectors.h of the reference implementation by
// the authors of SipHash (github.com/veorq/SipHash).
var vectors64 = map[int]string{
	0:  "310e0edd47db6f72",
	1:  "fd67dc93c539f874",
	2:  "5a4fa9d909806c0d",
	3:  "2d7efbd796666785",
	4:  "b7877127e09427cf",
	5:  "8da699cd64557618",
	6:  "cee3fe586e46c9cb",
	7:  "37d1018bf50002ab",
	8:  "6224939a79f5f593",
	9:  "b0e4a90bdf82009e",
	15: "e545be4961ca29a1",
	16: "db9bc2577fcc2a3f",
	17: "9447be2cf5e99a69",
	24: "94af49f6c650adb8",
	31: "42c341d8fa92d832",
	32: "ce7cf2722f512771",
	33: "e37859f94623f3a7",
	47: "eb75095ccd986cd0",
	48: "51a9cb9ecba312e6",
	60: "e1915f5cb1eca46c",
	62: "575ff28e60381be5",
	63: "724506eb4c328a95",
}

var vectors128 = map[int]string{
	0:  "a3817f04ba25a8e66df67214c7550293",
	1:  "da87c1d86b99af44347659119b22fc45",
	2:  "8177228da4a45dc7fca38bdef60affe4",
	3:  "9c70b60c5267a94e5f33b6b02985ed51",
	4:  "f88164c12d9c8faf7d0f6e7c7bcd5579",
	5:  "1368875980776f8854527a07690e9627",
	6:  "14eeca338b208613485ea0308fd7a15e",
	7:  "a1f1ebbed8dbc153c0b84aa61ff08239",
	8:  "3b62a9ba6258f5610f83e264f31497b4",
	9:  "264499060ad9baabc47f8b02bb6d71ed",
	15: "5493e99933b0a8117e08ec0f97cfc3d9",
	16: "6ee2a4ca67b054bbfd3315bf85230577",
	17: "473d06e8738db89854c066c47ae47740",
	24: "2db479ae78bd50d8882a8a178a6132ad",
	31: "2939b0183223fafc1723de4f52c43d35",
	32: "7c3956ca5eeafc3e363e9d556546eb68",
	33: "77c6077146f01c32b6b69d5f4ea9ffcf",
	47: "e61c432b720b19d18ec8d84bdc63151b",
	48: "f7e5aef549f782cf379055a608269b16",
	60: "e3040c00eb28f15366ca73cbd872e740",
	62: "5853542321f567a005d547a4f04759bd",
	63: "5150d1772f50834a503e069a973fbd7c",
}

func TestPublishedVectors(t *testing.T) {
	k := vectorKey(t)
	for n, want := range vectors64 {
		got := binary.LittleEndian.AppendUint64(nil, k.Sum64(vectorMessage(n)))
		if hex.EncodeToString(got) != want {
			t.Errorf("64 bits, length %d: %x, want %s", n, got, want)
		}
	}
	for n, want := range vectors128 {
		lo, hi := k.Sum128(vectorMessage(n))
		got := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, lo), hi)
		if hex.EncodeToString(got) != want {
			t.Errorf("128 bits, length %d: %x, want %s", n, got, want)
		}
	}
}

func TestPrefixEqualsWholeMessage(t *testing.T) {
	k := vectorKey(t)
	words := []uint64{3, 1 << 63, 0x0123456789abcdef, 7, 0}
	var msg []byte
	for n := range words {
		p := k.Prefix(words[:n]...)
		whole := binary.LittleEndian.AppendUint64(bytes.Clone(msg), words[n])
		if got, want := p.Sum64(words[n]), k.Sum64(whole); got != want {
			t.Errorf("%d words and one: %x, want %x", n, got, want)
		}
		for m := range len(words) + 1 {
			sums := slices.Clone(words[:m])
			p.Sums64(sums)
			for i, got := range sums {
				if want := p.Sum64(words[i]); got != want {
					t.Errorf("word %d of %d: %x, want %x", i, m, got, want)
				}
			}
		}
		if n > 0 && k.Prefix(words[:n-1]...).Append(words[n-1]) != p {
			t.Errorf("Append of word %d differs from Prefix", n)
		}
		msg = whole
	}
}

func TestKeys(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	b, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if *a == *b {
		t.Error("two fresh keys are equal")
	}
	raw := a.Bytes()
	again, err := FromBytes(raw[:])
	if err != nil || *again != *a {
		t.Error("FromBytes(Bytes) is another key")
	}
	if a.Fingerprint() != again.Fingerprint() || a.Fingerprint() == b.Fingerprint() {
		t.Error("the fingerprint does not tell keys apart")
	}
	if *a.Derive("groups") == *a.Derive("rows") {
		t.Error("keys of two purposes are equal")
	}
	a.Erase()
	if *a != (Key{}) {
		t.Error("an erased key is still there")
	}
	if _, err := FromBytes(raw[:15]); err == nil {
		t.Error("a key of 15 bytes was accepted")
	}
}

func BenchmarkPrefixSum64(b *testing.B) {
	p := vectorKey(b).Prefix(42)
	var x uint64
	for i := 0; b.Loop(); i++ {
		x ^= p.Sum64(uint64(i))
	}
	_ = x
}

func BenchmarkPrefixSums64(b *testing.B) {
	p := vectorKey(b).Prefix(1)
	words := make([]uint64, 32)
	for b.Loop() {
		p.Sums64(words)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(words)), "ns/word")
}

func BenchmarkSum128(b *testing.B) {
	k, msg := vectorKey(b), vectorMessage(24)
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		k.Sum128(msg)
	}
}
