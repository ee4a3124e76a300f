package kanon

import (
	"strings"
)

// A Recoding says how a table was generalised: for every quasi-identifier its
// level, and which classes were kept. It holds labels and levels only, nothing
// of any row.
type Recoding struct {
	Kind    string          // "global", "local" or "mondrian"
	Columns []RecodedColumn // the quasi-identifiers, in lattice order
	// LevelsFromData is true where a level was chosen by looking at the data,
	// false where all were fixed beforehand.
	LevelsFromData bool
	// Rounds are the full-domain recodings it is made of, the first applied
	// first: one for a global recoding, several for a local one, none for
	// Mondrian. A row is released by the first round that keeps its class.
	Rounds []Round
}

// A RecodedColumn is one quasi-identifier of a Recoding.
type RecodedColumn struct {
	Name   string
	Levels []string // level names, "raw" first
	Level  int      // the level of a global recoding; -1 where rows differ
	Fixed  bool     // the level was a public plan
}

// A Round is one full-domain recoding and what it kept.
type Round struct {
	Node    Node
	Classes int64 // classes kept
	Rows    int64 // rows kept
}

// Levels returns the level of every column of a global recoding, by name, and
// nil for other kinds.
func (r *Recoding) Levels() map[string]int {
	if r.Kind != "global" {
		return nil
	}
	m := map[string]int{}
	for _, c := range r.Columns {
		m[c.Name] = c.Level
	}
	return m
}

// String writes the levels: "zip 2 (2), age 1 (5-years)", or the kind where rows differ.
func (r *Recoding) String() string {
	if r.Kind != "global" {
		return r.Kind + " recoding"
	}
	var b strings.Builder
	for i, c := range r.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Name + " " + c.Levels[c.Level])
	}
	return b.String()
}
