// Package anon turns a table of personal records into the releases that a
// policy declares: anonymised rows, differentially private statistics, or
// both, with a report of what is guaranteed.
//
// A [Policy] is one reviewable document: what each column is, and what may be
// released. [Policy.Plan] checks it against a schema without reading a row and
// says what will be done, claimed and spent. [Plan.Run] does it.
// [Release.WriteDir] writes the tables, the report and the policy into a
// folder that appears only when everything in it has been verified, and
// [VerifyDir] re-reads such a folder as a sceptic would.
//
//	policy, err := anon.LoadPolicy("policy.yaml")
//	plan, err := policy.Plan(src.Schema())
//	fmt.Println(plan)
//	release, err := plan.Run(ctx, src)
//	err = release.WriteDir(ctx, "release", parquet.Format, anon.WriteOptions{})
//
// Every error is of one of the kinds [ErrPlan], [ErrData], [ErrInput] and
// [ErrBudget]. Its text names file, line, key or column, the rule that was
// broken and the remedy, and holds no value of the data.
package anon
