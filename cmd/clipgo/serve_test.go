package main

import (
	"bufio"
	"context"
	"encoding/json"
	"image/color"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A folder is embedded, served, asked over HTTP, and the server ends when it is interrupted.
func TestServeAnswersUntilItIsInterrupted(t *testing.T) {
	run, dir, index := trained(t), t.TempDir(), filepath.Join(t.TempDir(), "pictures.index")
	red := picture(t, filepath.Join(dir, "red.png"), color.NRGBA{220, 20, 20, 255})
	picture(t, filepath.Join(dir, "blue.png"), color.NRGBA{20, 20, 220, 255})
	must(t, "embed", "--model", run, dir, "--index", index)
	ctx, interrupted := context.WithCancelCause(t.Context())
	defer interrupted(nil)
	address, code := started(t, ctx, []string{"serve", "--index", index, "--addr", "127.0.0.1:0", "--thumb-cache", t.TempDir()})
	answer, err := http.Get(address + "api/search?q=a+red+square&index=pictures")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var got struct {
		Total int
		Hits  []struct{ Name, Key, Path string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.Total != 2 || len(got.Hits) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if name := got.Hits[0].Name; name != filepath.Base(red) && name != "blue.png" || got.Hits[0].Path != "" {
		t.Errorf("%+v", got.Hits[0])
	}
	small, err := http.Get(address + "thumb?key=" + got.Hits[0].Key)
	if err != nil || small.StatusCode != 200 || small.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("thumbnail: %v, %v", small, err)
	}
	small.Body.Close()
	interrupted(&interrupt{syscall.SIGTERM})
	if got := <-code; got != 0 {
		t.Errorf("exit %d", got)
	}
}

// started runs serve until ctx is done, and returns its address and, when it has ended, its exit code.
func started(t *testing.T, ctx context.Context, args []string) (address string, ended chan int) {
	t.Helper()
	says, to := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- dispatch(ctx, args, streams{out: io.Discard, err: to})
		to.Close()
	}()
	lines := bufio.NewScanner(says)
	var all []string
	for address == "" && lines.Scan() {
		if all = append(all, lines.Text()); strings.HasPrefix(lines.Text(), "http://127.0.0.1:") {
			address = lines.Text()
		}
	}
	go func() { _, _ = io.Copy(io.Discard, says) }()
	if address == "" {
		t.Fatalf("no address was printed; exit %d: %s", <-code, strings.Join(all, "\n"))
	}
	return address, code
}

func TestServeRefusesWhatCannotBeMeant(t *testing.T) {
	run, dir, index := trained(t), t.TempDir(), filepath.Join(t.TempDir(), "index")
	picture(t, filepath.Join(dir, "red.png"), color.NRGBA{220, 20, 20, 255})
	must(t, "embed", "--model", run, dir, "--index", index)
	list := filepath.Join(t.TempDir(), "keep.csv")
	must(t, "dedup", "--index", index, "--out", list)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitUsage, "--index is missing"},
		{[]string{"--index", filepath.Join(dir, "none")}, exitUsage, "none"},
		{[]string{"--index", index, "--addr", "0.0.0.0:0"}, exitUsage, "--root: it is missing"},
		{[]string{"--index", index, "--addr", "127.0.0.1"}, exitUsage, "--addr"},
		{[]string{"--index", index, "--addr", "127.0.0.1:0", "--root", filepath.Join(dir, "none")}, exitUsage, "--root"},
		{[]string{"--index", index, "--addr", "127.0.0.1:0", "--cors", "*"}, exitUsage, "--cors"},
		{[]string{"--index", index, "--addr", "127.0.0.1:0", "--review", filepath.Join(dir, "none.csv")}, exitUsage, "none.csv"},
		{[]string{"--index", index, "--addr", "127.0.0.1:0", "--review", "keep.txt"}, exitUsage, "keep.txt"},
		{[]string{"--index", index, "--addr", "127.0.0.1:0", "--review", "other=" + list}, exitUsage, "--review"},
		{[]string{"--index", index, "--addr", "127.0.0.1:0", "--review-dir", filepath.Join(list, "in")}, exitUsage, "--review-dir"},
		{[]string{"--index", index, "--index", "b=" + index, "--index", "b=" + index, "--addr", "127.0.0.1:0"}, exitUsage, "two indexes"},
	} {
		r := clipgo(t, append([]string{"serve"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("%v: exit %d: %s", c.args, r.code, r.err)
		}
	}
}
