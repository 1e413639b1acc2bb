package main

import (
	"context"
	"time"

	"github.com/schollz/progressbar/v3"

	"clipgo/pretrained"
)

// findModel is what --model leads to. A download from the hub shows how far it is.
func (c *console) findModel(ctx context.Context, name, weights string) (pretrained.Source, error) {
	bar := &downloadBar{console: c}
	defer bar.done()
	return pretrained.Hub{Log: c.log, Progress: bar.set}.Find(ctx, name, weights)
}

// downloadBar shows one file after the other.
type downloadBar struct {
	*console
	file string
	bar  *progress
}

func (b *downloadBar) set(file string, done, total int64) {
	if b.file != file {
		b.done()
		b.file, b.bar = file, b.begin(file, total)
	}
	b.bar.set(done)
}

// begin is a bar in megabytes; without a terminal, a line for the file and one each interval.
func (b *downloadBar) begin(file string, total int64) *progress {
	p := &progress{console: b.console, what: "download " + file, total: total, begun: time.Now(), logged: time.Now(), interval: logInterval}
	if p.hasBar() {
		b.console.bar = b.newBar(file, total, progressbar.OptionShowBytes(true))
		return p
	}
	b.log.Info("download", "file", file, "bytes", total)
	return p
}

func (b *downloadBar) done() {
	if b.bar != nil {
		b.bar.done()
	}
}
