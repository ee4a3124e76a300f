package anon

import (
	"context"
	"strings"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
)

func (r *Release) runStatistics(ctx context.Context, s *step, src arrowio.Source, acct *dp.Accountant, o RunOptions) error {
	return fault.Planf("%s: statistics are not linked in", s.Name)
}

// explainNoise says what noise each aggregate gets.
func (p *Plan) explainNoise(b *strings.Builder, s *step) {}
