package kanon

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
)

// Check reports, before any row is read, what can't be anonymised: a column
// that the schema lacks, a type or level that can't be used, a parameter out of
// range. Its errors are of kind Plan.
func (s *Spec) Check(schema *arrow.Schema) error { return nil }

// Anonymize generalises and suppresses rows of src until every model holds, at
// the least cost that the search finds, and returns the release.
func Anonymize(ctx context.Context, src arrowio.Source, spec *Spec) (*Release, error) {
	return nil, nil
}
