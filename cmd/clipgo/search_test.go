package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image/color"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"clipgo/internal/paths"
	"clipgo/search"
	"clipgo/search/ingest"
)

// trained trains a tiny model for a moment and returns its run. Without further settings it is a copy of one run for all tests.
func trained(t *testing.T, more ...string) string {
	t.Helper()
	model, out, once := tiny(t), filepath.Join(t.TempDir(), "run"), filepath.Join(sharedRuns(), "trained")
	if len(more) == 0 && paths.Exists(once) {
		if err := os.CopyFS(out, os.DirFS(once)); err != nil {
			t.Fatal(err)
		}
		return out
	}
	must(t, tinyRun(model, out, append([]string{"--steps", "4"}, more...)...)...)
	if len(more) == 0 {
		if err := os.CopyFS(once, os.DirFS(out)); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestEmbedFollowsAFolder(t *testing.T) {
	run, dir, index := trained(t), t.TempDir(), filepath.Join(t.TempDir(), "index")
	red := picture(t, filepath.Join(dir, "red.png"), color.NRGBA{220, 20, 20, 255})
	picture(t, filepath.Join(dir, "green.png"), color.NRGBA{20, 220, 20, 255})
	blue := picture(t, filepath.Join(dir, "blue.png"), color.NRGBA{20, 20, 220, 255})
	write(t, filepath.Join(dir, "blue.txt"), "a blue square\n")
	embed := func(more ...string) ingest.Result {
		r := must(t, append([]string{"embed", "--model", run, dir, "--index", index, "--json"}, more...)...)
		got := decodeJSON[ingest.Result](t, r)
		got.Rate = 0
		return got
	}
	check := func(what string, got, want ingest.Result) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	check("first run", embed(), ingest.Result{Added: 3})
	check("nothing new", embed(), ingest.Result{Unchanged: 3})
	picture(t, red, color.NRGBA{120, 0, 0, 255})
	picture(t, filepath.Join(dir, "new.png"), color.NRGBA{120, 120, 0, 255})
	if err := os.Remove(filepath.Join(dir, "green.png")); err != nil {
		t.Fatal(err)
	}
	check("one of each", embed(), ingest.Result{Added: 1, Updated: 1, Unchanged: 1, Removed: 1})
	write(t, filepath.Join(dir, "broken.png"), "not a picture")
	check("a broken one", embed("--max-skip", "0.5"), ingest.Result{Unchanged: 3, Failed: 1})

	r := must(t, "search", "--index", index, "--json", "--top", "1", blue)
	if hit := decodeJSON[search.Hit](t, r); hit.Path == blue {
		t.Error("the picture that was asked with is its own best hit")
	}
	r = must(t, "search", "--index", index, "--top", "2", "a blue square")
	if n := strings.Count(r.out, "\n"); n != 2 {
		t.Errorf("%d hits, want 2:\n%s", n, r.out)
	}
	if r := clipgo(t, "search", "--index", index, "--", "cat", "-cat"); r.code != exitUsage {
		t.Errorf("terms that cancel: exit %d: %s", r.code, r.err)
	}
	if r := clipgo(t, "search", "--index", index, filepath.Join(dir, "broken.png")); r.code != exitData {
		t.Errorf("a broken picture as query: exit %d, want 3: %s", r.code, r.err)
	}
	other := trained(t, "--seed", "1")
	if r := clipgo(t, "search", "--index", index, "--model", other, "cat"); r.code != exitModel {
		t.Errorf("another model's index: exit %d, want 4: %s", r.code, r.err)
	}
}

func TestAnIndexHasOneWriter(t *testing.T) {
	run, dir, index := trained(t), t.TempDir(), filepath.Join(t.TempDir(), "index")
	picture(t, filepath.Join(dir, "red.png"), color.NRGBA{220, 20, 20, 255})
	must(t, "embed", "--model", run, dir, "--index", index)
	w, err := search.OpenWriter(index)
	if err != nil {
		t.Fatal(err)
	}
	if r := clipgo(t, "embed", "--model", run, dir, "--index", index); r.code != exitInUse {
		t.Errorf("exit %d, want %d: %s", r.code, exitInUse, r.err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	must(t, "embed", "--model", run, dir, "--index", index)
}

// TestStoppedEmbeddingGoesOn kills and interrupts embed while it works. In the end the index has the same features, to the byte, as
// one that was made in one run, and each time what was saved stayed.
func TestStoppedEmbeddingGoesOn(t *testing.T) {
	run := trained(t)
	whole, stopped := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "stopped")
	must(t, "embed", "--model", run, "builtin:emoji", "--index", whole)
	args := []string{"embed", "--model", run, "builtin:emoji", "--index", stopped, "--batch-size", "32", "--set", "segment_rows=50"}
	random, amid := rand.New(rand.NewPCG(3, 4)), 0
	for _, signal := range []os.Signal{syscall.SIGKILL, os.Interrupt, syscall.SIGKILL, os.Interrupt} {
		before := rowsOf(t, stopped)
		c, done := process(t, args...), make(chan struct{})
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			defer close(done)
			_ = c.Wait()
		}()
		enough := before + 1 + random.IntN(200)
		waitFor(t, func() bool { return rowsOf(t, stopped) >= enough || ended(done) })
		_ = c.Process.Signal(signal)
		<-done
		after := rowsOf(t, stopped)
		if after <= before {
			t.Errorf("%v: %d rows are there, were %d", signal, after, before)
		}
		if !c.ProcessState.Success() {
			amid++
			continue
		}
		if err := os.RemoveAll(stopped); err != nil { // it was through before the signal: the next one has to have something to do
			t.Fatal(err)
		}
	}
	t.Logf("%d of 4 runs were stopped before their end", amid)
	must(t, args...)
	for _, table := range []string{"img_emb", "text_emb"} {
		if got, want := tableOf(t, stopped, table), tableOf(t, whole, table); len(want) == 0 || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes that are not the %d of one run", table, len(got), len(want))
		}
	}
}

// ended reports whether a channel is closed.
func ended(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// rowsOf is how many rows an index has; 0 where there is none yet.
func rowsOf(t *testing.T, index string) int {
	t.Helper()
	if !paths.Exists(filepath.Join(index, "meta.json")) {
		return 0
	}
	ix, err := search.Open(index)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ix.Close() }()
	return ix.Info().Rows
}

// tableOf joins the rows of an index's segments, in order.
func tableOf(t *testing.T, index, table string) (rows []byte) {
	t.Helper()
	for i := 0; ; i++ {
		data, err := os.ReadFile(filepath.Join(index, table, fmt.Sprintf("%s_%d.npy", table, i)))
		if errors.Is(err, fs.ErrNotExist) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		const beforeLength, beforeHeader = 8, 10
		rows = append(rows, data[beforeHeader+int(binary.LittleEndian.Uint16(data[beforeLength:])):]...)
	}
}

func TestZeroshotPrintsWhatItPromises(t *testing.T) {
	run, dir := trained(t), t.TempDir()
	r := must(t, "zeroshot", "--model", run, "builtin:shapes?split=novel&n=40", "--json")
	got := decodeJSON[map[string]any](t, r)
	for key, want := range map[string]any{"n": 40., "classes": 288., "skipped": 0., "model": run} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	for _, key := range []string{"top1", "top5", "mean_per_class_recall", "chance"} {
		if v, ok := got[key].(float64); !ok || v < 0 || v > 1 {
			t.Errorf("%s is %g (there: %v)", key, v, ok)
		}
	}
	a := picture(t, filepath.Join(dir, "a.png"), color.White)
	b := picture(t, filepath.Join(dir, "b.png"), color.Black)
	r = must(t, "zeroshot", "--model", run, a, b, "--classes", "a cat,a dog", "--json")
	if n := strings.Count(r.out, "\n"); n != 2 || !strings.Contains(r.out, `"label":"a cat"`) {
		t.Errorf("%d lines:\n%s", n, r.out)
	}
}
