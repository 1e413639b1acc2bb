//go:build torchleak

package torch

import (
	"fmt"
	"runtime"
	"sort"
	"strings"
	"sync"
)

var (
	leakMu sync.Mutex
	stacks = map[*Tensor]string{}
)

func tracked(t *Tensor) {
	b := make([]byte, 4<<10)
	b = b[:runtime.Stack(b, false)]
	leakMu.Lock()
	defer leakMu.Unlock()
	stacks[t] = string(b)
}

func untracked(t *Tensor) {
	leakMu.Lock()
	defer leakMu.Unlock()
	delete(stacks, t)
}

// Leaks reports where the live handles were made, most frequent first.
func Leaks() string {
	leakMu.Lock()
	defer leakMu.Unlock()
	count := map[string]int{}
	for _, s := range stacks {
		count[s]++
	}
	var keys []string
	for s := range count {
		keys = append(keys, s)
	}
	sort.Slice(keys, func(i, j int) bool { return count[keys[i]] > count[keys[j]] })
	var b strings.Builder
	for _, s := range keys {
		fmt.Fprintf(&b, "%d handles\n%s\n", count[s], s)
	}
	return b.String()
}
