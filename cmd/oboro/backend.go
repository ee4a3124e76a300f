package main

import (
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/dp/googlenoise"
)

// backend draws the noise of releases with `noise: google`.
func backend() dp.Backend { return googlenoise.New() }
