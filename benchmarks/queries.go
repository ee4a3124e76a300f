package main

import (
	"fmt"
	"strings"

	"github.com/oboro-data/oboro/benchmarks/workload"
)

// countPacked counts the classes of a table whose columns were packed into one
// key beforehand, which is not counted as work.
const countPacked = "select k, count(*) as n from packed group by k"

// countColumns counts the classes of the columns as they are.
func countColumns() string {
	names := make([]string, len(workload.Coded))
	for i, c := range workload.Coded {
		names[i] = c.Name
	}
	list := strings.Join(names, ", ")
	return "select " + list + ", count(*) as n from coded group by " + list
}

// pack makes the table of packed keys of the table coded.
func (d *duck) pack(columns []workload.CodedColumn) error {
	key := "0::uint32"
	for _, c := range columns {
		key = fmt.Sprintf("(%s*%d+%s)::uint32", key, c.Size, c.Name)
	}
	_, err := d.db.Exec("create table packed as select " + key + " as k from coded")
	return err
}

// The three aggregates of the log by group: units, rows and a sum, of every
// user at most eight groups, and in each at most ten rows and 2,000 of the sum.
// Which eight is by a hash that is no PRF: an observer who knows it could tell
// which groups of a user were kept, so this is the least that SQL has to do,
// not a release.
const (
	perUserAndGroup = "select usr, part, least(count(*), 10) as c, least(sum(val), 2000) as s from log group by usr, part"
	boundedByRank   = "select part, count(*) as people, sum(c) as n, sum(s) as total from (" + perUserAndGroup +
		" qualify row_number() over (partition by usr order by hash(usr, part)) <= 8) group by part"
	boundedByArgMin = "select g.part as part, count(*) as people, sum(g.c) as n, sum(g.s) as total from (" +
		"select unnest(arg_min({'part': part, 'c': c, 's': s}, hash(usr, part), 8)) as g from (" + perUserAndGroup + ") group by usr) group by g.part"
	plainGroupBy = "select part, count(*) as n, sum(val) as total from log group by part"
)
