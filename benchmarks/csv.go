package main

import (
	"bufio"
	"context"
	stdcsv "encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/csv"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/benchmarks/measure"
	"github.com/oboro-data/oboro/benchmarks/workload"
)

// csvReading compares the CSV scanner with arrow/csv and with encoding/csv
// whose fields are converted one by one, on three integers and on a table of
// mixed types. Types are declared to all of them.
func csvReading(ctx context.Context, cfg config) ([]row, error) {
	rows := min(cfg.rows, 2_000_000)
	numbers := filepath.Join(cfg.dir, "numbers.csv")
	table := workload.Log(rows, 3000, 1)
	defer table.Release()
	if err := arrowio.WriteFile(ctx, numbers, arrowio.CSVFormat, table); err != nil {
		return nil, err
	}
	mixed := filepath.Join(cfg.dir, "mixed.csv")
	if err := writeMixed(mixed, rows/2); err != nil {
		return nil, err
	}
	integers := map[string]arrowio.ColumnType{"usr": {Kind: arrowio.Integer}, "part": {Kind: arrowio.Integer}, "val": {Kind: arrowio.Integer}}
	out, err := readCSV(ctx, cfg, numbers, fmt.Sprintf("read CSV, %s rows of 3 integers", short(rows)), rows, integers, table.Schema(), convertIntegers)
	if err != nil {
		return out, err
	}
	more, err := readCSV(ctx, cfg, mixed, fmt.Sprintf("read CSV, %s rows of text, decimal, date and integer", short(rows/2)), rows/2, mixedTypes, mixedSchema, convertMixed)
	return append(out, more...), err
}

func readCSV(ctx context.Context, cfg config, path, work string, rows int, types map[string]arrowio.ColumnType, schema *arrow.Schema, convert func([]string) error) ([]row, error) {
	results, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: "oboro", Run: func() error { return readOboro(ctx, path, types, rows) }},
		measure.Contender{Name: "arrow/csv v17", Cold: true, Run: func() error { return readArrow(path, schema, rows) }},
		measure.Contender{Name: "encoding/csv and strconv", Cold: true, Run: func() error { return readStandard(path, convert, rows) }},
	)
	if err != nil {
		return nil, err
	}
	return compare(work, rows, "CPU", measure.CPU, results), nil
}

// complete is an error if not all rows were read.
func complete(got, want int, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("%d rows were read of %d", got, want)
	}
	return err
}

func readOboro(ctx context.Context, path string, types map[string]arrowio.ColumnType, want int) error {
	src, err := arrowio.OpenCSV(ctx, path, arrowio.CSVOptions{Types: types})
	if err != nil {
		return err
	}
	n := 0
	err = each(ctx, src, func(b batch) { n += int(b.NumRows()) })
	return complete(n, want, err)
}

func readArrow(path string, schema *arrow.Schema, want int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := csv.NewReader(bufio.NewReaderSize(f, 1<<20), schema, csv.WithHeader(true), csv.WithChunk(workload.BatchRows))
	defer r.Release()
	n := 0
	for r.Next() {
		n += int(r.Record().NumRows())
	}
	return complete(n, want, r.Err())
}

func readStandard(path string, convert func([]string) error, want int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := stdcsv.NewReader(bufio.NewReaderSize(f, 1<<20))
	r.ReuseRecord = true
	if _, err := r.Read(); err != nil { // the header
		return err
	}
	for n := 0; ; n++ {
		fields, err := r.Read()
		if err == io.EOF {
			return complete(n, want, nil)
		}
		if err != nil {
			return err
		}
		if err := convert(fields); err != nil {
			return err
		}
	}
}

func convertIntegers(fields []string) error {
	for _, f := range fields {
		if _, err := strconv.ParseInt(f, 10, 64); err != nil {
			return err
		}
	}
	return nil
}

func convertMixed(fields []string) error {
	if _, err := decimal128.FromString(fields[1], 10, 2); err != nil {
		return err
	}
	if _, err := time.Parse(time.DateOnly, fields[2]); err != nil {
		return err
	}
	_, err := strconv.ParseInt(fields[3], 10, 64)
	return err
}

var (
	mixedTypes = map[string]arrowio.ColumnType{
		"prefecture": {Kind: arrowio.Text}, "fee": {Kind: arrowio.Decimal}, "joined": {Kind: arrowio.Date}, "visits": {Kind: arrowio.Integer}, "note": {Kind: arrowio.Text},
	}
	mixedSchema = arrow.NewSchema([]arrow.Field{
		{Name: "prefecture", Type: arrow.BinaryTypes.String},
		{Name: "fee", Type: &arrow.Decimal128Type{Precision: 10, Scale: 2}},
		{Name: "joined", Type: arrow.FixedWidthTypes.Date32},
		{Name: "visits", Type: arrow.PrimitiveTypes.Int64},
		{Name: "note", Type: arrow.BinaryTypes.String},
	}, nil)
)

// writeMixed writes rows of text with and without quotes, fees, dates and
// numbers of visits.
func writeMixed(path string, rows int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(out, "prefecture,fee,joined,visits,note")
	prefectures := []string{"東京都", "大阪府", "北海道", "神奈川県", "沖縄県"}
	notes := []string{"none", `"called, will call again"`, `"said ""no"""`, "moved"}
	first := time.Date(2004, 2, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		fmt.Fprintf(out, "%s,%d.%02d,%s,%d,%s\n", prefectures[i*7%5], i*31%5000, i*17%100, first.AddDate(0, 0, i*13%8000).Format(time.DateOnly), i*29%100_000, notes[i*5%4])
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return f.Close()
}
