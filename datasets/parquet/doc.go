// Package parquet reads single rows and columns of Parquet files, in any order.
//
// A file is opened by its footer alone. A value is read with the page that holds it; pages are kept in a cache of a fixed size. Where the
// values of a page lie at known places, as in pages that are not compressed or are compressed with Snappy, a value that isn't in the
// cache is read alone from then on. So a random order of pictures costs about as many bytes as the pictures have.
//
// The reader takes no memory for what a file merely claims: the sizes in footers, headers of pages and compressed data are compared with
// the bytes that are there before anything is allocated. This is why it decodes the format itself; of parquet-go it uses the format's
// constants, and its tests use the writer.
//
// Read are columns of texts, bytes and integers, and lists of them. Encrypted files, and lists of lists, are refused.
package parquet
