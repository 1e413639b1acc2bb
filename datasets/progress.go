package datasets

import (
	"log/slog"
	"sync"
	"time"
)

// progress logs how many shards of a set have been read, if that takes long.
type progress struct {
	log  *slog.Logger
	name string
	all  int
	mu   sync.Mutex
	done int
	said time.Time
}

// progressEvery is the time between two lines.
const progressEvery = 10 * time.Second

func newProgress(log *slog.Logger, name string, all int) *progress {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &progress{log: log, name: name, all: all, said: time.Now()}
}

// add counts a shard.
func (p *progress) add() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done++; time.Since(p.said) >= progressEvery {
		p.said = time.Now()
		p.log.Info("reading the headers of the shards", "done", p.done, "of", p.all, "data", p.name)
	}
}
