// Package durable writes files and directories that are either absent or whole, whenever the process or the machine
// stops, and keeps a second writer out.
//
// The order is always the same: write under a temporary name in the same directory, sync, rename, sync the directory. A
// sync that failed is final: it is reported and not tried again.
package durable
