// Command linktest is a program that has to link: oboro's core with Arrow v17,
// the bridge, and the Parquet and C data packages of Arrow v18 in one binary.
// Parquet of both versions, or cdata of both, would fail with duplicate
// symbols.
package main

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/arrow18"
)

func main() {
	schema := arrow.NewSchema([]arrow.Field{{Name: "member", Type: arrow.PrimitiveTypes.Int64}}, nil)
	if _, err := arrow18.SchemaTo17(schema); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := pqarrow.ToParquet(schema, nil, pqarrow.DefaultWriterProps()); err != nil {
		fmt.Println(err)
		return
	}
	var out cdata.CArrowSchema
	cdata.ExportArrowSchema(schema, &out)
	defer cdata.ReleaseCArrowSchema(&out)
	_, err := anon.ParsePolicy([]byte("oboro: 2"), ".")
	fmt.Println(err != nil, array.NewNull(1).Len() == 1)
}
