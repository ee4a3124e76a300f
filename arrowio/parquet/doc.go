// Package parquet reads and writes Parquet files as Arrow record batches. It
// is apart from arrowio because the library it stands on is large, and because
// a program that reads Parquet with arrow-go v18 can't link it.
//
// Files of flat columns in the usual encodings are decoded and encoded here,
// dictionary codes as they are, columns side by side; the Arrow library reads
// and writes the metadata and all other files.
package parquet
