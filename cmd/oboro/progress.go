package main

import (
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
	if stage := p.Release + ": " + p.Stage; b.bar == nil || stage != b.stage {
		b.clear()
		total := p.Total
		if total <= 0 {
			total = -1 // a spinner
		}
		b.stage = stage
		b.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(b.s.stderr),
			progressbar.OptionSetDescription(stage),
			progressbar.OptionShowCount(),
			progressbar.OptionThrottle(100e6),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(24),
		)
	}
	_ = b.bar.Set64(p.Done) // a bar that can't be drawn is no reason to stop
}

// clear wipes the bar off the terminal.
func (b *bar) clear() {
	if b.bar != nil {
		_ = b.bar.Clear()
		b.bar = nil
	}
}
