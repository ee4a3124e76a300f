package main

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// drawChart writes a chart of how many times longer every contender takes than
// oboro, on a logarithmic axis.
func drawChart(path string, rows []row) error {
	var names []string
	var times plotter.Values
	for _, r := range slices.Backward(rows) {
		if r.Ratio == 1 || r.Ratio <= 0 {
			continue
		}
		names = append(names, r.Contender+"  ·  "+r.Work)
		times = append(times, math.Log10(1/r.Ratio))
	}
	if len(times) == 0 {
		return nil
	}
	p := plot.New()
	p.Title.Text = "Time of others over time of oboro (right of 1: oboro is faster)"
	p.Title.Padding = vg.Points(8)
	bars, err := plotter.NewBarChart(times, vg.Points(11))
	if err != nil {
		return err
	}
	bars.Horizontal = true
	bars.LineStyle.Width = 0
	bars.Color = color.NRGBA{0x3b, 0x4b, 0xa3, 0xff}
	p.Add(bars, plotter.NewGrid())
	p.NominalY(names...)
	p.Y.Tick.Label.Font.Size = vg.Points(8)
	p.Y.Tick.Label.XAlign = text.XRight
	p.X.Tick.Marker = plot.ConstantTicks{{Value: -1, Label: "0.1"}, {Value: 0, Label: "1"}, {Value: 1, Label: "10"}, {Value: 2, Label: "100"}, {Value: 3, Label: "1000"}}
	return p.Save(10*vg.Inch, vg.Points(60+18*float64(len(times))), path)
}
