package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/benchmarks/measure"
	"github.com/oboro-data/oboro/benchmarks/workload"
)

// examplePolicy reads the policy of an example.
func examplePolicy(cfg config, name string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(cfg.root, "examples", name, "policy.yaml"))
	return string(raw), err
}

// decadeSQL and decade are the first year of a date's decade.
const decadeSQL = "year(birth_date)//10*10 as decade"

func decade(d arrow.Date32) int { return d.ToTime().Year() / 10 * 10 }

// person is a key of a person's attributes.
type person struct {
	decade     int // of birth
	sex, place string
}

// memberCounts is W1: members by decade of birth, sex and prefecture.
func memberCounts(ctx context.Context, cfg config) ([]row, error) {
	policy, err := examplePolicy(cfg, "advertisers")
	if err != nil {
		return nil, err
	}
	table, err := workload.Members(ctx, cfg.people)
	if err != nil {
		return nil, err
	}
	return statisticsJob[person]{
		work:  fmt.Sprintf("W1: %s members by decade, sex and prefecture", short(cfg.people)),
		table: table, policy: policy, columns: []string{"member_id", "birth_date", "sex", "prefecture"},
		statistics: []statistic{{[]string{decadeSQL, "sex as sex", "prefecture as prefecture"}, limits{groups: 1, rows: 1}}},
		rows: func(b batch, add []func(int64, person)) {
			born, sex, place := b.days("birth_date"), b.text("sex"), b.text("prefecture")
			for i, m := range b.ints("member_id") {
				add[0](m, person{decade(born[i]), sex(i), place(i)})
			}
		},
	}.compare(ctx, cfg)
}

// targetCounts is W2: the sizes of two hundred target groups under one budget.
// Who is in which group is known beforehand, to all contenders.
func targetCounts(ctx context.Context, cfg config) ([]row, error) {
	table, err := workload.SegmentTable(ctx, cfg.people, 1)
	if err != nil {
		return nil, err
	}
	groups := make([]string, workload.Segments)
	for i := range groups {
		groups[i] = strconv.Itoa(i)
	}
	policy := `oboro: 1
title: sizes of target groups
unit: member_id
columns:
  member_id: {role: identifier}
  segment: {role: quasi-identifier, type: integer}
releases:
  - name: sizes
    kind: statistics
    group-by: [segment]
    groups: {public: {segment: [` + strings.Join(groups, ", ") + `]}}
    bounds: {groups-per-unit: 200}
    aggregates: [{count-units: {as: people}}]
    budget: {epsilon: 1, delta: 1e-8}
`
	return statisticsJob[int64]{
		work:  fmt.Sprintf("W2: %d target groups of %s members", workload.Segments, short(cfg.people)),
		table: table, policy: policy, columns: []string{"member_id", "segment"},
		statistics: []statistic{{[]string{"segment as segment"}, limits{groups: workload.Segments, rows: 1}}},
		rows: func(b batch, add []func(int64, int64)) {
			segment := b.ints("segment")
			for i, m := range b.ints("member_id") {
				add[0](m, segment[i])
			}
		},
	}.compare(ctx, cfg)
}

// rowsPerMember is how many rows a log has for each of config.people. (The logs
// themselves have some thirty rows for each member who is in them.)
const rowsPerMember = 3

type dayAndPerson struct {
	day int64
	person
}

// activeMembers is W3: active members by day, and by day, prefecture, decade
// and sex.
func activeMembers(ctx context.Context, cfg config) ([]row, error) {
	policy, err := examplePolicy(cfg, "active-users")
	if err != nil {
		return nil, err
	}
	n := rowsPerMember * cfg.people
	table, err := workload.Logins(ctx, n)
	if err != nil {
		return nil, err
	}
	month := limits{groups: 31, rows: 1}
	return statisticsJob[dayAndPerson]{
		work:  fmt.Sprintf("W3: %s logins by day, and by day, prefecture, decade and sex", short(n)),
		table: table, policy: policy, columns: []string{"member_id", "birth_date", "sex", "prefecture", "at"},
		statistics: []statistic{
			{[]string{"\"at\"::date as day"}, month},
			{[]string{"\"at\"::date as day", "prefecture as prefecture", decadeSQL, "sex as sex"}, month},
		},
		rows: func(b batch, add []func(int64, dayAndPerson)) {
			at, born, sex, place := b.ints("at"), b.days("birth_date"), b.text("sex"), b.text("prefecture")
			for i, m := range b.ints("member_id") {
				day := at[i] / (24 * 3600 * 1e6)
				add[0](m, dayAndPerson{day: day})
				add[1](m, dayAndPerson{day, person{decade(born[i]), sex(i), place(i)}})
			}
		},
	}.compare(ctx, cfg)
}

// inquiryTopics is W4: people and inquiries by topic, and people by topic and
// sex, a month's worth.
func inquiryTopics(ctx context.Context, cfg config) ([]row, error) {
	policy, err := examplePolicy(cfg, "inquiries")
	if err != nil {
		return nil, err
	}
	n := cfg.people / 20
	table, err := workload.Inquiries(ctx, n)
	if err != nil {
		return nil, err
	}
	return statisticsJob[[2]string]{
		work:  fmt.Sprintf("W4: %s inquiries by topic, and by topic and sex", short(n)),
		table: table, policy: policy, columns: []string{"member_id", "sex", "topic"},
		statistics: []statistic{
			{[]string{"topic as topic"}, limits{groups: 3, rows: 3}},
			{[]string{"topic as topic", "sex as sex"}, limits{groups: 3, rows: 1}},
		},
		rows: func(b batch, add []func(int64, [2]string)) {
			topic, sex := b.text("topic"), b.text("sex")
			for i, m := range b.ints("member_id") {
				add[0](m, [2]string{topic(i)})
				add[1](m, [2]string{topic(i), sex(i)})
			}
		},
	}.compare(ctx, cfg)
}

// viewReach is W5: members and views by category and device, and members by
// device. Three views in ten have no member and count nowhere.
func viewReach(ctx context.Context, cfg config) ([]row, error) {
	policy, err := examplePolicy(cfg, "page-views")
	if err != nil {
		return nil, err
	}
	n := rowsPerMember * cfg.people
	table, err := workload.Views(ctx, n)
	if err != nil {
		return nil, err
	}
	return statisticsJob[[2]string]{
		work:  fmt.Sprintf("W5: %s page views by category and device, and by device", short(n)),
		table: table, policy: policy, columns: []string{"member_id", "category", "device"},
		statistics: []statistic{
			{[]string{"category as category", "device as device"}, limits{groups: 10, rows: 20}},
			{[]string{"device as device"}, limits{groups: 1, rows: 1}},
		},
		rows: func(b batch, add []func(int64, [2]string)) {
			member, category, device := b.column("member_id"), b.text("category"), b.text("device")
			for i, m := range b.ints("member_id") {
				if member.IsNull(i) {
					continue
				}
				add[0](m, [2]string{category(i), device(i)})
				add[1](m, [2]string{device(i)})
			}
		},
	}.compare(ctx, cfg)
}

// researchRows is W6: 11-anonymous and 3-diverse rows of members, with those of
// their hobbies that eleven of a class share in twos. The engine and the maps
// only count the classes of the rows as they are, once, with year of birth for
// date and without hobbies; oboro searches the lattice, writes the rows and
// checks them.
func researchRows(ctx context.Context, cfg config) ([]row, error) {
	text, err := examplePolicy(cfg, "microdata")
	if err != nil {
		return nil, err
	}
	policy, err := anon.ParsePolicy([]byte(text), ".")
	if err != nil {
		return nil, err
	}
	n := cfg.people / 5
	table, err := workload.Members(ctx, n)
	if err != nil {
		return nil, err
	}
	defer table.Release()
	plan, err := policy.Plan(table.Schema())
	if err != nil {
		return nil, err
	}
	narrow, err := readAll(ctx, table, "birth_date", "sex", "prefecture", "occupation", "family", "topic_seen")
	if err != nil {
		return nil, err
	}
	defer narrow.Release()
	d, err := openDuck(cfg.workers)
	if err != nil {
		return nil, err
	}
	defer d.close()
	if err := d.load(ctx, cfg.dir, "data", narrow); err != nil {
		return nil, err
	}
	results, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: "oboro, by policy", Run: func() error {
			rel, err := plan.Run(ctx, table, anon.RunOptions{Workers: cfg.workers})
			if err == nil {
				rel.Close()
			}
			return err
		}},
		measure.Contender{Name: "DuckDB, one GROUP BY", Run: func() error {
			return d.keep("select year(birth_date) as born, sex, prefecture, occupation, family, count(*) as n, count(distinct topic_seen) as topics from data group by all")
		}},
		measure.Contender{Name: "Go maps, one GROUP BY", Run: func() error {
			type class struct {
				born                           int
				sex, place, occupation, family string
			}
			classes := map[class]map[string]int{}
			return each(ctx, narrow, func(b batch) {
				sex, place, occupation, family, topic := b.text("sex"), b.text("prefecture"), b.text("occupation"), b.text("family"), b.text("topic_seen")
				for i, born := range b.days("birth_date") {
					c := class{born.ToTime().Year(), sex(i), place(i), occupation(i), family(i)}
					if classes[c] == nil {
						classes[c] = map[string]int{}
					}
					classes[c][topic(i)]++
				}
			})
		}},
	)
	if err != nil {
		return nil, err
	}
	return compare(fmt.Sprintf("W6: %s rows of members for research, k = 11, l = 3, k^m of hobbies", short(n)), n, "CPU", measure.CPU, results), nil
}
