package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	_ "github.com/duckdb/duckdb-go/v2" // the driver of the embedded engine

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
)

// A duck is an embedded DuckDB with tables in memory.
type duck struct{ db *sql.DB }

func openDuck(threads int) (*duck, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(fmt.Sprintf("set threads=%d; set preserve_insertion_order=false", threads)); err != nil {
		db.Close()
		return nil, err
	}
	return &duck{db}, nil
}

func (d *duck) close() { d.db.Close() }

func (d *duck) version() string {
	var v string
	if err := d.db.QueryRow("select version()").Scan(&v); err != nil {
		return "unknown"
	}
	return v
}

// load makes a table of a source, through a Parquet file in dir.
func (d *duck) load(ctx context.Context, dir, table string, src arrowio.Source) error {
	path := filepath.Join(dir, table+".parquet")
	defer os.Remove(path)
	if err := parquet.WriteFile(ctx, path, src); err != nil {
		return err
	}
	_, err := d.db.Exec(fmt.Sprintf("create table %s as select * from read_parquet('%s')", table, path))
	return err
}

// keep runs a query and keeps its whole result, as a table in memory: an outer
// query that reads one column, or counts, would let the engine leave out the
// aggregates that nobody asks for.
func (d *duck) keep(query string) error {
	_, err := d.db.Exec(keeping(query))
	return err
}

func keeping(query string) string { return "create or replace temp table kept as " + query }

// physical returns the plan by which a query is kept.
func (d *duck) physical(query string) (string, error) {
	var kind, plan string
	err := d.db.QueryRow("explain "+keeping(query)).Scan(&kind, &plan)
	return plan, err
}
