package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
)

const hashLength = 2 * sha256.Size

// genesis stands before the first line.
var genesis = strings.Repeat("0", hashLength)

// line is the line of an object after a line of hash prev.
func line(prev string, body []byte) []byte {
	sum := sha256.Sum256(append([]byte(prev+" "), body...))
	return append(append(append(hex.AppendEncode(nil, sum[:]), ' '), body...), '\n')
}

// A Verified ledger is one whose every line was recounted.
type Verified struct {
	Header  Header
	Entries []Entry
	Head    string // hash of the last line
	// Torn says that what a stopped program left of a line stands at the end. It
	// is no entry: its Spend never returned, so that no release followed it.
	Torn bool

	name  string
	acct  *dp.Accountant
	heads []string // hash of every line
	size  int64    // bytes of whole lines
	open  bool     // the last of which lacks its newline
}

// Spent is the sum of all entries, in the currency of the cap.
func (v *Verified) Spent() dp.Budget { return v.acct.Spent() }

// Remaining is the cap less Spent.
func (v *Verified) Remaining() dp.Budget { return v.acct.Remaining() }

// Cap is the most that all entries together may cost.
func (v *Verified) Cap() dp.Budget { return v.acct.Cap() }

// Holds reports whether the ledger once ended with the entry of a number and a
// hash, as a report of that time says, so that it is neither another one nor
// an older copy.
func (v *Verified) Holds(number int, head string) bool {
	return number >= 0 && number < len(v.heads) && v.heads[number] == head
}

// Verify reads a ledger and recounts it: that every line follows from the one
// before, that entries are numbered, that their sum keeps to the cap. An error
// of kind fault.Data names the first line that is not what was written there; of
// kind fault.Input if the file cannot be read. No lock is taken: what is being
// written meanwhile may be missing.
func Verify(path string) (*Verified, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, failed(path, "read", err)
	}
	return verify(filepath.Base(path), text)
}

func verify(name string, text []byte) (*Verified, error) {
	v := &Verified{name: name, Head: genesis}
	for n := 1; len(text) > 0; n++ {
		l, rest, whole := bytes.Cut(text, []byte{'\n'})
		if !whole && n > 1 {
			v.last(n, l)
			return v, nil
		}
		if err := v.read(n, l); err != nil {
			return nil, err
		}
		if v.size, text = v.size+int64(len(l)), rest; whole {
			v.size++
		}
		v.open = !whole
	}
	if v.acct == nil {
		return nil, fault.Dataf("ledger %s is empty; take it from a backup, its cap and what was spent are not known", name)
	}
	return v, nil
}

// last takes up a last line without its end. If it begins with a whole entry
// that counts, whatever follows it; else it is what was left of one.
func (v *Verified) last(n int, l []byte) {
	end := bytes.LastIndexByte(l, '}') + 1
	if v.read(n, l[:end]) == nil {
		v.size, v.open, v.Torn = v.size+int64(end), true, end < len(l)
		return
	}
	v.Torn = true
}

// read takes up line n, without its end.
func (v *Verified) read(n int, l []byte) error {
	broken := fault.Dataf("ledger %s, line %d is not what was written there, or a line is missing before it; take the file from a backup that verifies, for what was spent is not known", v.name, n)
	if len(l) <= hashLength+1 || !bytes.Equal(l, bytes.TrimSuffix(line(v.Head, l[hashLength+1:]), []byte{'\n'})) {
		return broken
	}
	body := json.NewDecoder(bytes.NewReader(l[hashLength+1:]))
	body.DisallowUnknownFields()
	if n == 1 {
		cap, err := dp.Budget{}, body.Decode(&v.Header)
		if err == nil {
			cap, err = v.Header.Cap()
		}
		if err != nil || v.Header.Version != 1 {
			return fault.Dataf("ledger %s, line 1 is no header of version 1; it is of a newer version, or no ledger", v.name)
		}
		v.acct = dp.NewAccountant(cap.AcceptLargeDelta())
	} else {
		var e Entry
		b, err := dp.Budget{}, body.Decode(&e)
		if err == nil {
			b, err = e.Budget()
		}
		if err == nil {
			err = v.acct.Spend(e.Release, b)
		}
		if err != nil || e.Number != n-1 {
			return fault.Dataf("ledger %s, line %d is no entry that fits its number and the cap; take the file from a backup that verifies", v.name, n)
		}
		v.Entries = append(v.Entries, e)
	}
	v.Head = string(l[:hashLength])
	v.heads = append(v.heads, v.Head)
	return nil
}

// Find lists the entries of a policy, by its SHA-256.
func (v *Verified) Find(policy string) []Entry {
	return slices.DeleteFunc(slices.Clone(v.Entries), func(e Entry) bool { return e.Policy != policy })
}
