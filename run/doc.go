// Package run is a training run in a directory: its options and where each of them comes from, the data and the model that they
// name, the hooks that log, evaluate, save and report, and how a stopped run is resumed.
//
// Resolve works the options out from layers of settings; Train runs one sitting. The directory holds run.json, metrics.jsonl,
// evaluations.jsonl, skipped.jsonl, log.txt, report.html and checkpoints/.
package run
