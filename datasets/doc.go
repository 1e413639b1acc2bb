// Package datasets reads pictures with captions or classes and makes batches of them.
//
// [Open] opens a built-in set, a folder, a table (CSV, TSV, JSONL) or WebDataset shards as a [Source]: a numbered list of samples with
// random access. A name A::B joins several to a mixture, [OpenAll] joins any number of names, and [Select] and [Sample] take parts.
// [OpenPreferences] opens judgements of two captions or two pictures, a source of pairs.
//
// A [Loader] makes batches of a source. It decodes pictures and tokenizes captions on several goroutines with two functions of the caller,
// so this package depends on no model. The content of a batch depends on the source, the seed and the batch's position alone, never on
// timing or on the number of goroutines. A sample that can't be used is reported in [Batch].Skipped, and so each sample of the source is
// accounted for.
//
// Data of another kind needs a type that implements Source; everything else works with it as with the built-in ones.
package datasets
