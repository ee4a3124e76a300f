package main

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"
)

// markdown is the page.
func markdown(results []comparison, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Accuracy: errors beside those of the Google library

Written by `+"`make accuracy`"+`: both libraries simulated on the same values at the same privacy, in %.0f seconds. Ours is package `+"`dp`"+` with its defaults, through `+"`dp.Run`"+`; the other is github.com/google/differential-privacy/go/v3 v3.0.0, package dpagg, with its defaults and Laplace noise (counts: Laplace or Gaussian, whichever erred less).

The ratio says how many times larger the error of the Google library is; ± is two standard errors of the simulation. Values come from PCG generators of seed (1, n); noise comes from the operating system in both libraries, so figures vary within that margin from run to run.

![Ratio of errors, Google library over oboro](accuracy.svg)

| statistic | setting | measure | oboro | Google | ratio | aim | trials |
|---|---|---|---|---|---|---|---|
`, took.Seconds())
	missed := 0
	for _, c := range results {
		aim := ""
		if c.Wanted > 0 {
			aim = fmt.Sprintf("≥ %g", c.Wanted)
			if c.ratio() < c.Wanted {
				aim += ", missed"
				missed++
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %.4g | %.4g | **%.2f** ± %.2f | %s | %d |\n", c.Statistic, c.Setting, c.Measure, c.Ours.figure, c.Theirs.figure, c.ratio(), c.margin(), aim, min(c.Ours.trials, c.Theirs.trials))
	}
	switch missed {
	case 0:
		b.WriteString("\nEvery aim is met.\n")
	case 1:
		b.WriteString("\nOne aim is missed.\n")
	default:
		fmt.Fprintf(&b, "\n%d aims are missed.\n", missed)
	}
	b.WriteString(`
## What is measured

- **Mean, variance**: one row per unit, one group. RMSE is against the mean or variance of the sample, clamped to the bounds, so it shows noise and nothing else.
- **Median, nine deciles**: the rank error of an answer is the distance between the rank asked for and the ranks the answer has in the sample, as a share of n. Deciles are averaged over the nine. With bounds ±10⁶ our resolution is set to 0.125; the library's tree has its default 16⁴ leaves, as its documentation advises. Our own tree (Quantiles.Tree) has its default of at least 2¹² steps.
- **Count**: the number of units of a private group, of those groups that were released. Groups are so large that practically all are. The library selects groups with one half of the budget and counts with the other, as in the example of its Privacy on Beam; ours selects on the noised count, which it releases anyway.

## Where it comes from

- *Mean*: two sums that one row changes by one total between them, instead of a count and a sum at half the budget each: √2 less error. *Variance*: three such sums, instead of thirds.
- *Median*: the exponential mechanism sees every value; a tree adds noise on each level. Several ranks share one budget here, and come out of one tree there, so the gain falls with the number of ranks, and it is small where n·ε is.
- *Count*: no second budget for selection. With Laplace noise that is a factor of 2. With Gaussian noise, which many groups a unit ask for, it is a little less, as σ grows more slowly than 1/ε; noise and selection share δ there, which gives some of it back.
`)
	return b.String()
}

// chart draws the ratios as bars on a logarithmic scale.
func chart(results []comparison) string {
	const left, width, right, line, top = 430, 430, 70, 22, 46
	low, high := 0.5, 2.0
	for _, c := range results {
		low, high = min(low, c.ratio()), max(high, c.ratio()*1.1)
	}
	x := func(ratio float64) float64 {
		return left + width*math.Log(ratio/low)/math.Log(high/low)
	}
	height := top + line*len(results) + 34
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" role="img" aria-label="Error of the Google library divided by the error of oboro">`+"\n", left+width+right, height)
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	fmt.Fprintf(&b, `<text x="12" y="20" font-size="14" fill="#222">Error of the Google library ÷ error of oboro, same privacy</text>`+"\n")
	fmt.Fprintf(&b, `<text x="12" y="36" fill="#666">log scale; right of 1 oboro errs less; | marks the aim, – two standard errors</text>`+"\n")
	bottom := float64(top + line*len(results))
	for _, tick := range []float64{0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000} {
		if tick < low || tick > high {
			continue
		}
		colour := "#ddd"
		if tick == 1 {
			colour = "#444"
		}
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%.0f" stroke="%s"/><text x="%.1f" y="%.0f" text-anchor="middle" fill="#666">%g</text>`+"\n", x(tick), x(tick), top, bottom, colour, x(tick), bottom+18, tick)
	}
	for i, c := range results {
		y := float64(top + i*line)
		from, to := min(x(1), x(c.ratio())), max(x(1), x(c.ratio()))
		colour := "#2b6cb0"
		if c.ratio() < 1 {
			colour = "#b7791f"
		}
		fmt.Fprintf(&b, `<text x="12" y="%.1f" fill="#222">%s, %s</text>`, y+15, html.EscapeString(c.Statistic), html.EscapeString(c.Setting))
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="12" fill="%s"/>`, from, y+5, to-from, colour)
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#222"/>`, x(max(low, c.ratio()-c.margin())), x(c.ratio()+c.margin()), y+11, y+11)
		if c.Wanted > 0 {
			fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#c53030" stroke-width="2"/>`, x(c.Wanted), x(c.Wanted), y+2, y+20)
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="#222">%.2f</text>`+"\n", max(to, x(c.ratio()+c.margin()))+6, y+15, c.ratio())
	}
	b.WriteString("</svg>\n")
	return b.String()
}
