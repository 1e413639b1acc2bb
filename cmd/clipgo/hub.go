package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"clipgo/internal/fault"
	"clipgo/internal/hub"
)

// findModel is what --model leads to, after a download where it is a model of the hub.
func (c *console) findModel(ctx context.Context, name, pretrained string) (modelSource, error) {
	if strings.HasPrefix(pretrained, hub.Scheme) {
		return modelSource{}, usagef("--pretrained: a model of the hub says itself what it is: give it as --model %s", pretrained)
	}
	if !strings.HasPrefix(name, hub.Scheme) {
		return findModel(name, pretrained)
	}
	dir, err := c.downloadModel(ctx, name)
	if err != nil {
		return modelSource{Name: name}, err
	}
	src, err := findModel(dir, pretrained)
	src.Name = name
	return src, err
}

// finder is a way from --model and --pretrained to a model.
type finder func(name, pretrained string) (modelSource, error)

// finder is findModel for options that are worked out without a context.
func (c *console) finder(ctx context.Context) finder {
	return func(name, pretrained string) (modelSource, error) { return c.findModel(ctx, name, pretrained) }
}

// downloadModel gives the folder of a model of the Hugging Face hub, hf-hub:ORG/REPO[@REVISION], after downloading what
// the cache lacks of it. It shows how far it is.
func (c *console) downloadModel(ctx context.Context, name string) (string, error) {
	repo, rev, err := hub.Parse(name)
	if err != nil {
		return "", usagef("--model: %v", err)
	}
	client := hub.FromEnvironment()
	client.Log = c.log
	bar := &downloadBar{console: c}
	client.Progress = bar.set
	dir, err := client.Snapshot(ctx, repo, rev)
	bar.done()
	var refused *hub.RefusedError
	if errors.As(err, &refused) {
		return "", fault.Modelf(name, "%s", refused.Reason)
	}
	return dir, err
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
		b.console.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(b.err), progressbar.OptionSetDescription(file),
			progressbar.OptionUseANSICodes(true), progressbar.OptionClearOnFinish(), progressbar.OptionShowBytes(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
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
