package googlenoise_test

import (
	"fmt"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/dp/googlenoise"
)

func Example() {
	q := dp.Query{
		Unit: "rider_id", GroupBy: []string{"city"},
		Bounds:     dp.ContributionBounds{MaxGroups: 3},
		Aggregates: []dp.Aggregate{dp.CountUnits{As: "riders"}},
		Noise:      dp.NoiseGoogle,
		Backend:    googlenoise.New(),
	}
	fmt.Println(q.Noise, q.Backend.Name())
	// Output: google google
}
