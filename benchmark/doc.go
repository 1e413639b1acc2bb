// Package benchmark evaluates models on data sets: all pairs of them, task by task, with the numbers and files of CLIP_benchmark.
//
// [Open] finds a data set's splits, classes and kind. A [Suite] runs the tasks. Each result is one [Cell], written to two files when it is
// complete: CLIP_benchmark's JSON, and details such as the outcome for every sample. A cell whose model, data and settings are those of its
// files is not computed again, so a suite that was interrupted goes on where it ended.
package benchmark
