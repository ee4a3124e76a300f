package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Format is the version of the report's JSON format.
const Format = 1

// JSON returns the report as indented JSON that ends in a newline. The same
// report gives the same bytes. A figure that is infinite or not a number is an
// error.
func (r *Report) JSON() ([]byte, error) {
	out := *r
	out.Oboro = Format
	if out.Files == nil {
		out.Files = map[string]string{}
	}
	if out.Releases == nil {
		out.Releases = []Release{}
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(&out); err != nil {
		return nil, fmt.Errorf("report: a figure can't be written as JSON: %w", err)
	}
	return buf.Bytes(), nil
}

// Parse reads a report from JSON. Keys it does not know are left out. The
// error text holds no part of the input.
func Parse(data []byte) (*Report, error) {
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, errors.New("report.json is not a report: its JSON is damaged or a key has the wrong type")
	}
	if r.Oboro != Format {
		return nil, errors.New("report.json is of another format version; read it with the release of oboro that wrote it")
	}
	return &r, nil
}
