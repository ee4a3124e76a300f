package main

import "github.com/oboro-data/oboro/dp"

// backend draws the noise of releases with `noise: google`.
func backend() dp.Backend { return nil }
