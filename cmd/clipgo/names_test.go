package main

import (
	"clipgo/pretrained"
	"clipgo/run"
)

// Names of a run directory, for tests whose variables are called run.
const (
	metricsFile     = run.MetricsFile
	evaluationsFile = run.EvaluationsFile
	skippedFile     = run.SkippedFile
	reportFile      = run.ReportFile
	lockFile        = run.LockFile
	rawFile         = run.RawFile
	headsFile       = pretrained.HeadsFile
	ppoFile         = run.PPOFile
	unset           = run.Unset
)

type skipLine = run.SkipLine
