// Package benchmark evaluates models on data sets: all pairs of them, task by task, with the numbers and files of CLIP_benchmark.
//
// [Open] finds a data set's splits, classes and kind. A [Suite] runs the tasks. Each result is one [Cell]: CLIP_benchmark's JSON, what
// became of each sample, small pictures of the mistakes and, written last, the details. A cell whose model, data and settings are those of
// its files is not computed again, so a suite that was interrupted goes on where it ended. A cell that fails leaves a [Failure]
// and costs nothing else; [Read] reads such a folder as an [Outcome], which is written as a page and as tables. [CompareFolders] and
// [CompareModels] say what changed between two models.
package benchmark
