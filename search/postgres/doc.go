// Package postgres keeps a copy of an index in PostgreSQL with pgvector, for other programs and for filters in SQL. The folder stays the
// truth: Sync makes the database equal to it, a transaction for each segment. Database is a search.Index over such a copy.
//
// Everything is in the schema clipgo: collection has a row for each index, segment one for each of its segments, and item_N the pictures
// of collection N. Features are halfvec (float16) or vector (float32).
package postgres
