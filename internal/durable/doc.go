// Package durable writes files and directories atomically, so that they are never incomplete, even if the process or the machine stops.
// Its locks exclude a second writer.
//
// The order is always the same: write under a temporary name in the same directory, sync, rename, sync the directory. A failed sync is
// reported and not repeated.
package durable
