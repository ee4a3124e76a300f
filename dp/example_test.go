package dp_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
)

// rides are 3,000 taxi rides of 1,000 riders in two cities.
func rides() arrowio.Source {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "rider_id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "city", Type: arrow.BinaryTypes.String},
		{Name: "fare", Type: arrow.PrimitiveTypes.Float64},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range 3000 {
		b.Field(0).(*array.Int64Builder).Append(int64(i % 1000))
		b.Field(1).(*array.StringBuilder).Append([]string{"Kobe", "Nara"}[i%2])
		b.Field(2).(*array.Float64Builder).Append(float64(i%40) + 0.5)
	}
	return arrowio.NewMemory(schema, b.NewRecord())
}

func Example() {
	ctx := context.Background()
	acct := dp.NewAccountant(dp.Approx(1, 1e-9))
	rel, err := dp.Run(ctx, rides(), &dp.Query{
		Unit:    "rider_id",
		GroupBy: []string{"city"},
		Bounds:  dp.ContributionBounds{MaxGroups: 1},
		Aggregates: []dp.Aggregate{
			dp.Count{As: "trips", PerUnit: 10},
			dp.Sum{As: "fares", Column: "fare", Lower: 0, Upper: 200, Resolution: 0.1},
		},
	}, acct, acct.Remaining())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("groups:", rel.Groups())
	fmt.Println("spent:", acct.Spent())
	_, err = dp.Run(ctx, rides(), &dp.Query{
		Unit: "rider_id", Bounds: dp.ContributionBounds{MaxGroups: 1}, Aggregates: []dp.Aggregate{dp.CountUnits{As: "riders"}},
	}, acct, dp.Pure(0.1))
	fmt.Println("another 0.1:", errors.Is(err, fault.Budget))
	// Output:
	// groups: 2
	// spent: ε=1, δ=1e-9
	// another 0.1: true
}

func ExampleNewPlan() {
	plan, err := dp.NewPlan(&dp.Query{
		Unit:    "rider_id",
		GroupBy: []string{"city"},
		Bounds:  dp.ContributionBounds{MaxGroups: 1},
		Noise:   "laplace",
		Aggregates: []dp.Aggregate{
			dp.CountUnits{As: "riders"},
			dp.Sum{As: "fares", Column: "fare", Lower: 0, Upper: 200, Resolution: 0.5, Weight: 3},
		},
	}, rides().Schema(), dp.Approx(1, 1e-8))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(plan)
	fmt.Printf("a group of 50 riders is released with probability %.2f\n", plan.ReleaseProbability(50))
	fmt.Printf("a group of 90 riders is released with probability %.2f\n", plan.ReleaseProbability(90))
	// Output:
	// protects each value of "rider_id" (adding or removing all of its rows), ε=1, δ=1e-8
	// groups: city, selected by noise
	// bounds: 1 groups per unit, 1 rows per group
	// riders: count-units, discrete-laplace of scale 4, standard error 5.642
	// fares: sum, discrete-laplace of scale 800/3, standard error 377.1
	// selection: groups of at least 73 units, counted with discrete-laplace noise
	// a group of 50 riders is released with probability 0.00
	// a group of 90 riders is released with probability 0.99
}

// Two machines read a part each; the coordinator makes the release.
func ExamplePlan_Finalize() {
	src := rides()
	plan, err := dp.NewPlan(&dp.Query{
		Unit: "rider_id", Bounds: dp.ContributionBounds{MaxGroups: 1},
		Aggregates: []dp.Aggregate{dp.CountUnits{As: "riders"}},
	}, src.Schema(), dp.Pure(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := dp.NewKey()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer key.Erase()
	var parts []*dp.Accumulator
	for range 2 {
		// On the machine, with the coordinator's key:
		acc, err := plan.NewAccumulator(key)
		if err != nil {
			fmt.Println(err)
			return
		}
		r, err := src.Open(context.Background(), plan.Columns()...)
		if err != nil {
			fmt.Println(err)
			return
		}
		for r.Next() {
			if err := acc.Add(r.Record()); err != nil {
				fmt.Println(err)
				return
			}
		}
		r.Release()
		// acc.State() is what would travel; the coordinator's accumulator
		// takes it by MergeState.
		parts = append(parts, acc)
	}
	rel, err := plan.Finalize(dp.NewAccountant(dp.Pure(1)), "riders", parts...)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("groups:", rel.Groups())
	// Output: groups: 1
}

// A bound on all rows of a rider, in place of one on cities and one on rows in
// each of them, keeps noise low where riders spread their rides in many ways.
func ExampleContributionBounds() {
	for _, bounds := range []dp.ContributionBounds{{MaxGroups: 5}, {RowsPerUnit: 5}} {
		plan, err := dp.NewPlan(&dp.Query{
			Unit: "rider_id", GroupBy: []string{"city"}, Noise: "laplace", Bounds: bounds,
			Aggregates: []dp.Aggregate{dp.CountUnits{As: "riders"}, dp.Count{As: "rides", PerUnit: 5}},
		}, rides().Schema(), dp.Approx(1, 1e-8))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("noise of scale", plan.Figures()[1].Scale)
	}
	// Output:
	// noise of scale 50
	// noise of scale 10
}

// Nobody knows how high fares can be: a tenth of the budget of their sum pays for
// choosing a limit below a million. The price is known before a row is read.
func ExamplePlan_Ranges() {
	plan, err := dp.NewPlan(&dp.Query{
		Unit: "rider_id", Bounds: dp.ContributionBounds{MaxGroups: 1},
		Aggregates: []dp.Aggregate{dp.Sum{As: "fares", Column: "fare", Upper: 1e6, Resolution: 0.01, Auto: 0.1}},
	}, rides().Schema(), dp.Pure(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("in all:", plan.Price())
	fmt.Println("for the range:", plan.Ranges().Price())
	fmt.Println("riders above the limit: about", plan.Ranges().Figures()[0].Outside)
	// Output:
	// in all: ε=1
	// for the range: ε=0.1
	// riders above the limit: about 40
}
