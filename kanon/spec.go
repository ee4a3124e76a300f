package kanon

import (
	"time"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/hierarchy"
)

// A QuasiIdentifier is a column that, alone or in combination, can point to a
// person, and how its values may be generalised.
type QuasiIdentifier struct {
	Column    string
	Hierarchy hierarchy.Hierarchy // nil: the raw value, then "*"
	Unlisted  Unlisted            // what becomes of a value the hierarchy lacks
	// DomainSize is the loss domain; 0 takes the hierarchy's number of lines,
	// or the number of distinct values present for a computed hierarchy.
	DomainSize int64
	// Order declares the order of the values by their canonical text; nil is
	// the order of the column's type (text bytewise).
	Order []string
	// Level fixes the level by number or name, a public plan: nothing is
	// searched for this column. Empty: searched.
	Level string
	// Centre is what search: mdav writes for the values of a class.
	Centre Centre
}

// Unlisted says what becomes of a value that a hierarchy does not list.
type Unlisted uint8

const (
	RejectUnlisted Unlisted = iota // an error of kind Data with column and count
	TopUnlisted                    // "*" from level 1 up
)

// Nulls says what a missing quasi-identifier is.
type Nulls uint8

const (
	NullIsValue    Nulls = iota // a category of its own
	NullIsWildcard              // compatible with every value: sizes are those of the worst completion; with k-anonymity only
	NullRejected                // an error of kind Data
)

// RowOrder is the order in which rows leave.
type RowOrder uint8

const (
	Shuffled   RowOrder = iota // grouped by class, random inside a class
	InputOrder                 // position links to the source: the report warns
)

// Spec says what Anonymize must reach, and at what cost. The zero value of
// every field but QuasiIdentifiers and Models is the default of the policy
// file.
type Spec struct {
	// Unit names the column of the privacy unit. With a unit, every k, l and
	// class size counts distinct people, and all rows of null unit together
	// count as at most one person. Empty: every row is one person.
	Unit             string
	QuasiIdentifiers []QuasiIdentifier
	// Sensitive describes the columns that models name (order, hierarchy).
	// A column that a model names and that is not listed has no hierarchy and
	// the order of its type.
	Sensitive []QuasiIdentifier
	// Sets describes the columns of tag sets, each under a KMAnonymity.
	Sets []SetColumn
	// Columns are the columns that are written, in the order written: quasi-
	// identifiers generalised, all others unchanged. nil: every column of the
	// source except Unit, in its order.
	Columns []string
	Models  []PrivacyModel
	// Population is the table of people that k-map and δ-presence compare with:
	// it has every quasi-identifier, in the same type, and one row per person
	// (or the unit). For k-map (PopulationTable) the source's people come from
	// it; for δ-presence (ResearchSubset) the source is a part of it.
	Population arrowio.Source
	// MaxSuppression is the share of rows, 0 to 1, that may be suppressed;
	// the limit is floor(MaxSuppression·rows), computed exactly from the
	// shortest decimal of the float.
	MaxSuppression float64
	Cost           Cost // nil: Loss{GSFactor: 0.5}
	Nulls          Nulls
	RowOrder       RowOrder
	// Search is "optimal" (default), "anytime" (with Deadline), "mondrian", or
	// "mdav": micro-aggregation, which replaces the values of a class by their
	// Centre and looks at hierarchies only where that is an interval. Its cost
	// is the mean Gower distance, whatever Cost says; it suppresses no row.
	Search   string
	Deadline time.Duration
	// Recode is "global" (default), "local", or "cells": rows that a global
	// recoding suppresses leave with as few cells as possible replaced by "*".
	Recode string

	Workers  int            // 0: one per processor
	Memory   int64          // bytes that may be used beyond the input; 0: no limit
	Temp     string         // folder of temporary files under a limit; empty: the system's
	Progress func(Progress) // may be nil; called from one goroutine at a time
}

// Progress is what a long call tells its caller now and then.
type Progress struct {
	Stage string // "count", "search", "apply", "verify"
	Done  int64  // rows, or lattice nodes when searching
	Total int64  // 0: not known
}
