// Package remote makes HTTP requests that survive bad networks: retries with increasing pauses, a limit for the time without progress,
// redirects that never carry credentials to another host, and messages without secrets. internal/hub and datasets/store are built on it.
package remote
