// Package arrow18 joins programs on arrow-go v18 to oboro, whose core is on
// Arrow v17, without copying a byte of data.
//
// A record batch of one version becomes a batch of the other that points at
// the same buffers: numbers, strings, views, dictionaries, nulls and nested
// columns, with their offsets. The new batch holds references to the buffers of
// the old one, so each may be released before the other. A schema is carried
// over by its Arrow IPC encoding, which both versions read, and is cached by
// the readers: a batch of four columns costs some microseconds.
//
// NewSource and NewReader17 let results of ADBC drivers, DuckDB and Parquet readers
// on v18 flow into oboro; NewReader18 lets its releases flow back.
//
// This is a module of its own, so that programs without v18 do not carry it.
// Neither it nor the core imports a cdata or parquet package of either version
// together with the other's, the two pairs that can't be linked into one
// program.
package arrow18
