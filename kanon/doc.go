// Package kanon anonymises tables of personal records by generalising and
// suppressing, over equivalence classes of quasi-identifiers.
//
// # The path of the data
//
// A Counter counts the rows and people of every combination of values; with
// the hierarchies applied, that is a FrequencySet, and rows are not looked at
// again until they are written. Search finds the node of the generalisation
// lattice that costs least and satisfies the privacy models, with at most so
// many rows suppressed. The Recoding is applied, Verify recounts the result by
// its texts, and only then is there a Release. Anonymize does all of it.
//
// # What is promised
//
// With KAnonymity{K: k}, every combination of generalised quasi-identifiers in
// the release belongs to at least k people: nobody's rows can be told from
// those of k-1 others by these columns (Samarati and Sweeney, 1998). With a
// unit, people are counted, however many rows they have; without one, every row
// is a person. The other models add conditions on the sensitive values of a
// class; each says in its comment what it promises.
//
// # What is not promised
//
//   - A class whose sensitive values agree discloses them: k-anonymity alone
//     says nothing about columns that are not quasi-identifiers. Add LDiversity
//     or TCloseness.
//   - Nothing composes. Two releases of the same people, or a release and
//     another table, can be intersected, and the classes that result are
//     smaller than k (Ganta, Kasiviswanathan and Smith, 2008).
//   - The levels are chosen by looking at the data, to lose the least. Who knows
//     that may infer that a finer recoding was impossible, and from that
//     something of the rows (Wong et al., minimality attacks, 2007; Cohen,
//     downcoding attacks, 2022). Fixed levels, a public plan, avoid it;
//     Recoding.LevelsFromData says which it was. Local recoding tells more
//     about the data by its labels than global recoding does.
//   - Which columns are quasi-identifiers is the caller's judgement. A column
//     that is written unchanged and that somebody can look up undoes the rest.
//   - Rows leave in random order inside a class. In input order their position
//     links them to the source.
//
// Package dp gives a guarantee that does not depend on what others know; use it
// for counts and sums.
package kanon
