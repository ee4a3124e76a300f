// Package dp computes differentially private statistics over tables with any
// number of rows per person.
//
// # The guarantee
//
// Let D and D′ be two tables that differ by all rows of one privacy unit: the
// rows are in one and not in the other. Whatever is released from them, for
// every set S of possible releases,
//
//	P[release of D ∈ S] ≤ e^ε · P[release of D′ ∈ S] + δ,
//
// and the same with D and D′ exchanged (Dwork and Roth 2014, definition 2.4).
// ε and δ are the Budget of the release. A budget in ρ promises δ-approximate
// ρ-zero-concentrated differential privacy instead (Bun and Steinke 2016).
//
// The unit is the person if Query.Unit names the column that tells persons
// apart. All rows with one value of that column are protected together, however
// many they are. Rows of null unit are left out. With Query.UnitIsRow every row
// counts as one person, and the promise is about single rows.
//
// Several releases about the same units add up: their ε add, and their δ. One
// Accountant keeps the sum below a cap.
//
// # How it is kept
//
// Bounding makes sure that one unit can change little: it contributes to at
// most MaxGroups groups, or RowsPerUnit rows, and to each group at most what the
// aggregate declares. Which groups and rows of a unit are kept is decided by hashing them under a secret
// key, so that one person's rows never influence what is kept of another's.
// Sums are whole numbers of steps of a public grid, added in 128 bits: they do
// not depend on the order of rows, and no rounding error exceeds the declared
// sensitivity. Noise is discrete and drawn exactly. Private groups are selected
// by their noised number of units. Run does all of it; NewPlan says in advance
// what it will cost and how large the noise will be.
//
// # What the caller must not do
//
//   - choose ranges, bounds, resolutions, edges, levels or public groups by
//     looking at the data: they are published with the release, and a limit
//     taken from the data tells about the person who set it;
//   - run a query again because its noise was unlucky, without paying again;
//   - fit hierarchies to the data and use them here;
//   - use a Key for a second release, or publish it.
//
// # What is out of scope
//
// Timing, memory use and the number of bytes read are not protected, nor is
// whether reading failed. An operator who can read the memory or the partial
// states of a running release sees personal data. What is true of people in
// general can be learned from any useful table, and applied to anyone.
//
// # Several machines
//
// An Accumulator is partial state: every machine makes one with the key of the
// coordinator, adds its rows, and sends State, an Arrow record. The coordinator
// merges the states and calls Plan.Finalize, once.
package dp
