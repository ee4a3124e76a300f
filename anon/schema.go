package anon

import (
	_ "embed" // for the schema's text
	"slices"
)

//go:embed policy.schema.json
var policySchema []byte

// Schema returns the JSON Schema of the policy (draft 2020-12), as
// `oboro schema` prints it. It states the shape of every key. What follows from
// several keys together, such as budgets that exceed the cap, is refused by
// ParsePolicy and Plan.
func Schema() []byte { return slices.Clone(policySchema) }
