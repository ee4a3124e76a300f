package demo

import _ "embed"

// Seed is the seed of the demonstration's table. It makes the input; nothing
// seeds the randomness of a release.
const Seed = 20120903

// Policy is the policy of the demonstration, as a user would write it.
//
//go:embed policy.yaml
var Policy string

// Members returns the number of members among whom the visits are drawn.
func (v *Visits) Members() int64 { return v.members.count }
