package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"clipgo/internal/torch/torchtest"
	"clipgo/search"
	"clipgo/search/exif/exiftest"
	"clipgo/search/ingest"
)

// embedders starts embed in two processes, as a launcher does. own are further arguments of the second one.
func embedders(t *testing.T, own []string, args ...string) []*rank {
	t.Helper()
	return processes(t, 2, func(int, *rank) {}, own, append([]string{"embed", "--threads", "1", "--workers", "1", "--json"}, args...)...)
}

// sameIndex compares all files of two indexes but the locks.
func sameIndex(t *testing.T, a, b string) {
	t.Helper()
	files := 0
	err := filepath.Walk(a, func(path string, info os.FileInfo, err error) error {
		name, wrong := filepath.Rel(a, path)
		if err != nil || wrong != nil || info.IsDir() || name == "lock" {
			return err
		}
		files++
		if !bytes.Equal(read(t, a, name), read(t, b, name)) {
			t.Errorf("%s of %s and of %s differ", name, a, b)
		}
		return nil
	})
	if err != nil || files < 4 {
		t.Error(files, err)
	}
}

// TestProcessesEmbedAsOne: two processes write the index of one, to the byte, at first and when pictures come and go. The broken picture is
// in the share of the second process, which says nothing.
func TestProcessesEmbedAsOne(t *testing.T) {
	torchtest.NeedProcesses(t)
	run, data, dir := trained(t), described(t, 200, 150), t.TempDir()
	if err := os.Remove(filepath.Join(data, "p007.txt")); err != nil {
		t.Fatal(err)
	}
	for i := range 200 { // photos with EXIF data, in the shares of both
		if i%3 == 0 {
			facts := exiftest.Facts{Model: fmt.Sprint("Camera ", i), Latitude: float64(i)}
			if err := os.WriteFile(filepath.Join(data, fmt.Sprintf("r%03d.jpg", i)), facts.JPEG(16, 16), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	common := []string{"--model", run, data, "--max-skip", "0.02", "--set", "segment_rows=70"}
	both := func() {
		t.Helper()
		all := embedders(t, nil, append(common, "--index", two)...)
		ends(t, all, 0, 0)
		r := must(t, append([]string{"embed", "--json", "--threads", "1", "--index", one}, common...)...)
		var alone, together ingest.Result
		for text, to := range map[string]*ingest.Result{r.out: &alone, all[0].out.String(): &together} {
			if err := json.Unmarshal([]byte(text), to); err != nil {
				t.Fatal(err)
			}
			to.Rate = 0
		}
		if alone != together || alone.Failed != 1 {
			t.Errorf("one process: %+v\ntwo: %+v", alone, together)
		}
		if all[1].out.Len()+all[1].err.Len() > 0 || strings.Count(all[0].err.String(), "p150.png") != 1 {
			t.Errorf("process 0 says\n%s\nprocess 1 says\n%s%s", &all[0].err, &all[1].out, &all[1].err)
		}
		sameIndex(t, one, two)
	}
	both()
	for i := range 66 { // some are gone, and more than a batch is new
		from, to := filepath.Join(data, fmt.Sprintf("p%03d.png", i)), filepath.Join(data, fmt.Sprintf("q%03d.png", i))
		picture, err := os.ReadFile(from)
		if err == nil && i < 3 {
			err = os.Remove(from)
		}
		if err != nil || os.WriteFile(to, append(picture, byte(i)), 0o600) != nil {
			t.Fatal(err)
		}
	}
	both()
}

// A share of which nothing can be used is counted, and its pictures against all.
func TestABrokenShareIsCounted(t *testing.T) {
	torchtest.NeedProcesses(t)
	run, data, dir := trained(t), pairs(t, 128), t.TempDir()
	for i := 64; i < 128; i++ {
		if err := os.Truncate(filepath.Join(data, fmt.Sprintf("p%03d.png", i)), 40); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"--model", run, data, "--index", filepath.Join(dir, "two")}
	all := embedders(t, nil, args...)
	ends(t, all, exitData, exitData)
	got := decodeJSON[ingest.Result](t, result{out: all[0].out.String()})
	if said := all[0].err.String(); got.Added != 64 || got.Failed != 64 || !strings.Contains(said, "64 of 128 pictures could not be used") {
		t.Errorf("%+v\n%s", got, said)
	}
}

// segments waits until an index has been saved so often.
func segments(t *testing.T, index string, n int) {
	t.Helper()
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if all, _ := filepath.Glob(filepath.Join(index, "img_emb", "*.npy")); len(all) >= n {
			return
		}
	}
	t.Fatalf("%s: no %d segments", index, n)
}

// verifiedRows is the number of rows of an index that verifies.
func verifiedRows(t *testing.T, index string) int {
	t.Helper()
	ix, err := search.Open(index)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	if err := ix.Verify(); err != nil {
		t.Error(err)
	}
	return ix.Info().Rows
}

// TestASignalOrAKillEndsTheEmbedders: a signal to one process ends both with its code, and what they have is saved. A killed process
// is named by the other. The next run goes on.
func TestASignalOrAKillEndsTheEmbedders(t *testing.T) {
	torchtest.NeedProcesses(t)
	run, index := trained(t), filepath.Join(t.TempDir(), "index")
	args := []string{"--model", run, "builtin:shapes?n=200000", "--index", index, "--set", "segment_rows=256", "--batch-size", "16"}
	all := embedders(t, nil, args...)
	segments(t, index, 2)
	if err := all[1].Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ends(t, all, 143, 143)
	rows := verifiedRows(t, index)
	want := fmt.Sprintf("the index has %d rows; the same command goes on", rows)
	if !strings.Contains(all[0].err.String(), want) || rows < 512 {
		t.Errorf("%q is not in\n%s", want, &all[0].err)
	}
	all = embedders(t, nil, args...)
	segments(t, index, rows/256+3)
	if err := all[1].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ends(t, all, 1, -1)
	said := strings.TrimSpace(all[0].err.String())
	last := said[strings.LastIndex(said, "\n")+1:]
	if !strings.HasPrefix(last, "clipgo: ") || !strings.Contains(last, "rank 1") {
		t.Errorf("the killed process is not named: %s", last)
	}
	more := verifiedRows(t, index)
	if more <= rows {
		t.Errorf("%d rows after %d", more, rows)
	}
	args[2] = fmt.Sprintf("builtin:shapes?n=%d", more+100)
	again := embedders(t, nil, args...)
	ends(t, again, 0, 0)
	if got := decodeJSON[ingest.Result](t, result{out: again[0].out.String()}); got.Unchanged != more || got.Added != 100 {
		t.Errorf("%+v, want %d unchanged and 100 added", got, more)
	}
}

// Processes of different command lines are refused by both, and no index is made.
func TestEmbeddersNeedTheSameCommand(t *testing.T) {
	torchtest.NeedProcesses(t)
	run, index := trained(t), filepath.Join(t.TempDir(), "index")
	for own, name := range map[string]string{"--dtype=float16": "dtype", "builtin:emoji": "arguments"} {
		all := embedders(t, []string{own}, "--model", run, "builtin:shapes?n=96", "--index", index)
		ends(t, all, exitUsage, exitUsage)
		for i, r := range all {
			if said := r.err.String(); !strings.Contains(said, name+": process 1 has") || strings.Count(said, "\n") != 1 {
				t.Errorf("process %d says\n%s", i, said)
			}
		}
	}
	if _, err := os.Stat(index); err == nil {
		t.Error("an index was made")
	}
}
