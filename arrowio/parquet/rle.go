package parquet

import (
	"encoding/binary"
	"errors"
)

// The RLE/bit-packing hybrid of the Parquet format holds small integers of one
// bit width. It is a sequence of runs, each with a header as a varint:
//
//	header even: header/2 times one value, which follows in whole bytes
//	header odd:  header/2 groups of eight values, bit-packed from the low end
//
// At width 3 the nine values 5 5 5 5 5 5 5 5 5 are 12 05, and 0 1 2 3 4 5 6 7
// are 03 88 c6 fa.

// appendHybrid appends the values in the hybrid encoding. A run is worth its
// header from eight equal values on. width is 1 to 31.
func appendHybrid(dst []byte, v []int32, width int) []byte {
	for i := 0; i < len(v); {
		if run := runLength(v[i:]); run >= 8 {
			dst = binary.AppendUvarint(dst, uint64(run)<<1)
			for k := 0; k < (width+7)/8; k++ {
				dst = append(dst, byte(v[i]>>(8*k)))
			}
			i += run
			continue
		}
		end := i + 8
		for end < len(v) && !equalEight(v[end:]) {
			end += 8
		}
		groups := (end - i) / 8
		dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
		whole := min(end, i+(len(v)-i)/8*8)
		dst = packGroups(dst, v[i:whole], width)
		if i = whole; i < end { // the last group is filled up with zeros
			var last [8]int32
			copy(last[:], v[i:])
			dst = packGroups(dst, last[:], width)
			i = len(v)
		}
	}
	return dst
}

// runLength counts the values at the front that equal the first.
func runLength(v []int32) int {
	n := 1
	for n < len(v) && v[n] == v[0] {
		n++
	}
	return n
}

func equalEight(v []int32) bool {
	if len(v) < 8 {
		return false
	}
	p := (*[8]int32)(v)
	x := p[0]
	return p[1] == x && p[2] == x && p[3] == x && p[4] == x && p[5] == x && p[6] == x && p[7] == x
}

// packGroups bit-packs a multiple of eight values.
func packGroups(dst []byte, v []int32, width int) []byte {
	n := len(v) / 8 * width
	at := len(dst)
	dst = append(dst, make([]byte, n+16)...)
	out := dst[at:]
	w := uint(width)
	for ; len(v) >= 8; v = v[8:] {
		p := (*[8]int32)(v)
		switch {
		case w <= 8:
			x := uint64(p[0]) | uint64(p[1])<<w | uint64(p[2])<<(2*w) | uint64(p[3])<<(3*w) |
				uint64(p[4])<<(4*w) | uint64(p[5])<<(5*w) | uint64(p[6])<<(6*w) | uint64(p[7])<<(7*w)
			binary.LittleEndian.PutUint64(out, x)
		case w <= 16:
			lo := uint64(p[0]) | uint64(p[1])<<w | uint64(p[2])<<(2*w) | uint64(p[3])<<(3*w)
			hi := uint64(p[4]) | uint64(p[5])<<w | uint64(p[6])<<(2*w) | uint64(p[7])<<(3*w)
			binary.LittleEndian.PutUint64(out, lo|hi<<(4*w))
			binary.LittleEndian.PutUint64(out[8:], hi>>(64-4*w))
		default:
			var acc uint64
			bits, o := uint(0), 0
			for _, x := range p {
				acc |= uint64(x) << bits
				for bits += w; bits >= 8; bits -= 8 {
					out[o] = byte(acc)
					acc >>= 8
					o++
				}
			}
		}
		out = out[width:]
	}
	return dst[:at+n]
}

var errHybrid = errors.New("run-length encoded data ends early or has values out of range")

// decodeHybrid fills out with values in the hybrid encoding. Every value is
// less than limit, or the data is damaged.
func decodeHybrid(b []byte, width int, limit uint32, out []int32) error {
	for len(out) > 0 {
		header, n := binary.Uvarint(b)
		if n <= 0 {
			return errHybrid
		}
		b = b[n:]
		if header&1 == 0 {
			size := (width + 7) / 8
			if len(b) < size {
				return errHybrid
			}
			var x uint32
			for k := range size {
				x |= uint32(b[k]) << (8 * k)
			}
			b = b[size:]
			run := header >> 1
			if run == 0 || x >= limit {
				return errHybrid
			}
			fill := out[:min(run, uint64(len(out)))]
			for i := range fill {
				fill[i] = int32(x)
			}
			out = out[len(fill):]
			continue
		}
		groups := header >> 1
		need := min(groups*8, uint64(len(out)))
		if groups == 0 || groups > 1<<28 || uint64(len(b)) < (need*uint64(width)+7)/8 {
			return errHybrid
		}
		if !unpack(b, width, limit, out[:need]) {
			return errHybrid
		}
		out = out[need:]
		b = b[min(groups*uint64(width), uint64(len(b))):]
	}
	return nil
}

// unpack reads bit-packed values and reports whether all are below limit.
func unpack(b []byte, width int, limit uint32, out []int32) bool {
	if width == 0 {
		clear(out)
		return limit > 0
	}
	w := uint(width)
	mask := uint64(1)<<w - 1
	var most uint64
	i := 0
	// Eight values fill width bytes; words are read while eight bytes remain.
	switch {
	case w <= 8:
		for len(out)-i >= 8 && len(b) >= 8 {
			x := binary.LittleEndian.Uint64(b)
			p := (*[8]int32)(out[i:])
			v0, v1, v2, v3 := x&mask, x>>w&mask, x>>(2*w)&mask, x>>(3*w)&mask
			v4, v5, v6, v7 := x>>(4*w)&mask, x>>(5*w)&mask, x>>(6*w)&mask, x>>(7*w)&mask
			p[0], p[1], p[2], p[3] = int32(v0), int32(v1), int32(v2), int32(v3)
			p[4], p[5], p[6], p[7] = int32(v4), int32(v5), int32(v6), int32(v7)
			most = max(most, v0, v1, v2, v3, v4, v5, v6, v7)
			b = b[w:]
			i += 8
		}
	case w <= 16:
		for len(out)-i >= 8 && len(b) >= 16 {
			lo := binary.LittleEndian.Uint64(b)
			hi := binary.LittleEndian.Uint64(b[w/2:])
			hi >>= 4 * (w & 1) // four values are 4w bits: half a byte more when w is odd
			p := (*[8]int32)(out[i:])
			v0, v1, v2, v3 := lo&mask, lo>>w&mask, lo>>(2*w)&mask, lo>>(3*w)&mask
			v4, v5, v6, v7 := hi&mask, hi>>w&mask, hi>>(2*w)&mask, hi>>(3*w)&mask
			p[0], p[1], p[2], p[3] = int32(v0), int32(v1), int32(v2), int32(v3)
			p[4], p[5], p[6], p[7] = int32(v4), int32(v5), int32(v6), int32(v7)
			most = max(most, v0, v1, v2, v3, v4, v5, v6, v7)
			b = b[w:]
			i += 8
		}
	}
	var acc uint64
	bits, o := uint(0), 0
	for ; i < len(out); i++ {
		for bits < w {
			if o == len(b) {
				return false
			}
			acc |= uint64(b[o]) << bits
			o++
			bits += 8
		}
		v := acc & mask
		most = max(most, v)
		out[i] = int32(v)
		acc >>= w
		bits -= w
	}
	return most < uint64(limit) || len(out) == 0
}
