package arrowio

import (
	"context"
	"encoding/csv"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
)

// CSVFormat writes UTF-8 with commas, LF, a header line and null as the empty
// field.
var CSVFormat Format = csvFormat{}

// IPCFormat writes the Arrow IPC file format.
var IPCFormat Format = ipcFormat{}

type csvFormat struct{}

func (csvFormat) Ext() string { return ".csv" }

func (csvFormat) Write(ctx context.Context, w io.Writer, r array.RecordReader) error {
	cw := csv.NewWriter(w)
	row := make([]string, r.Schema().NumFields())
	for i, f := range r.Schema().Fields() {
		row[i] = f.Name
	}
	cw.Write(row)
	for r.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec := r.Record()
		for i := range int(rec.NumRows()) {
			for j, c := range rec.Columns() {
				if row[j] = ""; c.IsValid(i) {
					row[j] = c.ValueStr(i)
				}
			}
			cw.Write(row)
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	cw.Flush()
	return cw.Error()
}

type ipcFormat struct{}

func (ipcFormat) Ext() string { return ".arrow" }

func (ipcFormat) Write(ctx context.Context, w io.Writer, r array.RecordReader) error {
	sw := ipc.NewWriter(w, ipc.WithSchema(arrow.NewSchema(r.Schema().Fields(), nil)))
	for r.Next() {
		if err := sw.Write(r.Record()); err != nil {
			return err
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	return sw.Close()
}
