// Package pack writes any source of pictures into shards: WebDataset archives or Parquet files.
//
// The shards depend on the source and the options alone, not on timing or on the number of goroutines. Each shard appears as a whole. The
// same call continues a pack that was interrupted, at the first shard that is not finished, and gives the same bytes as one that was not.
package pack
