package main

import (
	"fmt"
	"strings"

	"github.com/schollz/progressbar/v3"

	"github.com/oboro-data/oboro/anon"
)

// A bar shows on a terminal how far a run is: one bar per stage.
type bar struct {
	s     *session
	stage string
	bar   *progressbar.ProgressBar
}

func (s *session) newBar() *bar { return &bar{s: s} }

// show is called by one goroutine at a time.
func (b *bar) show(p anon.Progress) {
	if !b.s.progress {
		return
	}
	stage := p.Release + ": " + p.Stage
	if b.bar == nil || stage != b.stage {
		b.clear()
		b.stage = stage
		b.bar = b.start(p.Total)
	}
	if p.Total <= 0 {
		b.bar.Describe(fmt.Sprintf("%s, %s rows", stage, thousands(p.Done)))
	}
	_ = b.bar.Set64(p.Done) // a bar that can't be drawn is no reason to stop
}

// start makes the bar of a stage: a spinner where the total is not known,
// which turns when there is news and has no goroutine of its own.
func (b *bar) start(total int64) *progressbar.ProgressBar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(b.s.stderr),
		progressbar.OptionSetDescription(b.stage),
		progressbar.OptionThrottle(100e6),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetWidth(24),
		progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
	}
	if total <= 0 {
		return progressbar.NewOptions64(-1, options...)
	}
	return progressbar.NewOptions64(total, append(options, progressbar.OptionShowCount())...)
}

// clear wipes the bar off the terminal.
func (b *bar) clear() {
	if b.bar != nil {
		_ = b.bar.Clear()
		_ = b.bar.Exit()
		b.bar = nil
	}
}

// thousands writes a number with a comma after every three digits.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
