package main

import (
	"bytes"
	"image/color"
	"math"
	"os"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A chart is a picture of bars on a logarithmic axis that begin at 1.
type chart struct {
	file, title, axis string
	section           string // of the page
	bars              func(*results) []bar
}

// A bar is one line of a chart; the better side is that of the light bars.
type bar struct {
	label string
	x     float64
	dark  bool
}

var charts = []chart{
	{"targets.svg", "Measured over target", "left of 1: reached", "", targetBars},
	{"rows.svg", "Time of others over time of oboro: rows", "right of 1: oboro is faster", sections[0].title, ratioBars(sections[0].experiments...)},
	{"statistics.svg", "Time of others over time of oboro: statistics", "right of 1: oboro is faster", sections[1].title, ratioBars(sections[1].experiments...)},
	{"network.svg", "Time of others over time of oboro: workloads of a social network", "right of 1: oboro is faster", sections[4].title, ratioBars(sections[4].experiments...)},
}

// targetBars are the measured figures over their limits.
func targetBars(r *results) []bar {
	var out []bar
	for _, t := range targets {
		if a := r.answer(t); a.measured && t.limit > 0 {
			out = append(out, bar{t.short, a.x / t.limit, a.x > t.limit})
		}
	}
	return out
}

// ratioBars are the times of the other contenders over oboro's, of those who do
// the work from its beginning.
func ratioBars(experiments ...string) func(*results) []bar {
	return func(r *results) []bar {
		var out []bar
		for _, x := range r.Rows {
			if slices.Contains(experiments, x.Experiment) && x.Ratio > 0 && x.Ratio != 1 && x.Contender != "oboro, later calls" && x.Contender != ofBounded {
				out = append(out, bar{x.Work + ": " + x.name(), 1 / x.Ratio, x.Ratio > 1})
			}
		}
		return out
	}
}

var (
	light = color.NRGBA{0x3b, 0x6f, 0xb6, 0xff}
	dark  = color.NRGBA{0xc2, 0x5b, 0x2e, 0xff}
)

// draw writes the chart, or nothing where there is nothing to show.
func (c chart) draw(path string, r *results) error {
	bars := c.bars(r)
	if len(bars) == 0 {
		return nil
	}
	slices.Reverse(bars) // the axis goes up
	p := plot.New()
	p.Title.Text = c.title
	p.Title.Padding = vg.Points(8)
	p.X.Label.Text = c.axis
	p.X.Label.TextStyle.Font.Size = vg.Points(9)
	grid := plotter.NewGrid()
	grid.Horizontal.Width = 0
	p.Add(grid)
	least, most := 0.0, 0.0
	var names []string
	for _, colour := range []color.Color{light, dark} {
		values := make(plotter.Values, len(bars))
		for i, b := range bars {
			if b.dark == (colour == dark) {
				values[i] = math.Log10(b.x)
			}
			least, most = min(least, values[i]), max(most, values[i])
		}
		drawn, err := plotter.NewBarChart(values, vg.Points(9))
		if err != nil {
			return err
		}
		drawn.Horizontal = true
		drawn.LineStyle.Width = 0
		drawn.Color = colour
		p.Add(drawn)
	}
	for _, b := range bars {
		names = append(names, b.label+"\u00a0\u00a0\u00a0"+figure(b.x))
	}
	p.NominalY(names...)
	p.Y.Tick.Label.Font.Size = vg.Points(8)
	p.Y.Tick.Label.XAlign = text.XRight
	var ticks plot.ConstantTicks
	for e := int(math.Floor(least)); e <= int(math.Ceil(most)); e++ {
		ticks = append(ticks, plot.Tick{Value: float64(e), Label: strconv.FormatFloat(math.Pow(10, float64(e)), 'f', -1, 64)})
	}
	p.X.Min, p.X.Max = math.Floor(least), math.Ceil(most)
	p.X.Tick.Marker = ticks
	width, height := 11*vg.Inch, vg.Points(80+15*float64(len(bars)))
	picture := vgsvg.New(width, height)
	// The font that shows the picture may be wider than the one that it is laid
	// out with.
	p.Draw(draw.Crop(draw.New(picture), vg.Points(36), vg.Points(-18), vg.Points(6), vg.Points(-6)))
	var svg bytes.Buffer
	if _, err := picture.WriteTo(&svg); err != nil {
		return err
	}
	return os.WriteFile(path, svg.Bytes(), 0o644)
}
