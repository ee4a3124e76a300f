package main

import (
	"testing"

	"github.com/oboro-data/oboro/examples/internal/showtest"
)

func TestProgram(t *testing.T) { showtest.Program(t, run, 1_200_000) }
