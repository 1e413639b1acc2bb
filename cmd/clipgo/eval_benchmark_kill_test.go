package main

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"clipgo/internal/golden"
)

// timeless are the files of a folder of results without times.
func timeless(t *testing.T, dir string) map[string]string {
	t.Helper()
	seconds := regexp.MustCompile(`"seconds":\s*[0-9.e+-]+`)
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == ".lock" {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = seconds.ReplaceAllString(string(data), "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestKilledBenchmarksLoseNothing kills a benchmark at random times, again and again, and runs it each time. CLIPGO_SOAK=1 makes it 20
// times and 5 models on 6 data sets.
func TestKilledBenchmarksLoseNothing(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	models, sets, kills := 1, []string{"wds_odd-five"}, 1
	if os.Getenv("CLIPGO_SOAK") != "" {
		models, kills = 5, 20
		sets = []string{"wds_digits", "wds_textile", "wds_emoji-cross", "wds_clipart", "wds_scenes_captions", "wds_odd-five"}
	}
	var names, places []string
	for i := range models {
		to := filepath.Join(t.TempDir(), fmt.Sprint("model", i))
		if err := os.CopyFS(to, os.DirFS(filepath.Join(dir, "model"))); err != nil {
			t.Fatal(err)
		}
		names = append(names, to)
	}
	for _, s := range sets {
		places = append(places, filepath.Join(dir, "data", s))
	}
	whole, killed := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	args := func(out string) []string {
		return []string{"eval", "benchmark", "--models", strings.Join(names, ","), "--data", strings.Join(places, ","),
			"--precision", "fp32", "--out", out, "--json"}
	}
	begun := time.Now()
	must(t, args(whole)...)
	longest := time.Since(begun)
	random := rand.New(rand.NewPCG(1, 2))
	died := 0
	for range kills {
		c := process(t, args(killed)...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Duration(random.Int64N(int64(longest))), func() { _ = c.Process.Kill() })
		if c.Wait() != nil {
			died++
			longest += longest / 10 // so that a slow machine gets through as well
			continue
		}
		longest /= 2 // it was done before: kill earlier, and from the start
		if err := os.RemoveAll(killed); err != nil {
			t.Fatal(err)
		}
	}
	again := must(t, args(killed)...)
	want, got := timeless(t, whole), timeless(t, killed)
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s differs", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is left over", name)
		}
	}
	t.Logf("%d of %d were killed; %d results, %d files", died, kills, strings.Count(again.out, `"task"`), len(want))
}
