// Package disttest runs a test in several processes on this machine that are one group.
package disttest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"clipgo/internal/torch/torchtest"
	"clipgo/training/dist"
	"clipgo/training/dist/launch"
)

// The variables that make a test binary one process of a group.
const (
	rankVariable   = "CLIPGO_DISTTEST_RANK"
	worldVariable  = "CLIPGO_DISTTEST_WORLD"
	folderVariable = "CLIPGO_DISTTEST_FOLDER"
)

// Group joins the group if this is one of its processes, and else returns nil. A test calls it first, and starts its processes by Run if
// it is none of them.
func Group(t testing.TB) dist.Group {
	t.Helper()
	folder := os.Getenv(folderVariable)
	if folder == "" {
		return nil
	}
	at := launch.Place{Master: "127.0.0.1", Rank: number(rankVariable), World: number(worldVariable)}
	file := filepath.Join(folder, "port")
	for at.Rank > 0 && at.Port == 0 {
		text, _ := os.ReadFile(file)
		if at.Port, _ = strconv.Atoi(string(text)); at.Port == 0 {
			time.Sleep(5 * time.Millisecond) // the first process writes it; without it Run ends this one
		}
	}
	g, err := dist.Join(t.Context(), at, dist.Options{Version: "test", Listening: func(port int) {
		_ = os.WriteFile(file+".new", []byte(strconv.Itoa(port)), 0o600)
		_ = os.Rename(file+".new", file)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = g.Barrier()
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func number(variable string) int {
	n, _ := strconv.Atoi(os.Getenv(variable))
	return n
}

// Say keeps what this process of a group has to say of a subject, for the test that has started it.
func Say(t testing.TB, subject string, data []byte) {
	t.Helper()
	if err := os.WriteFile(said(os.Getenv(folderVariable), number(rankVariable), subject), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func said(folder string, rank int, subject string) string {
	return filepath.Join(folder, fmt.Sprintf("%d-%s", rank, strings.Map(letter, subject)))
}

func letter(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

// Said is what the processes of a group have said.
type Said struct{ folder string }

// Of is what a process said of a subject.
func (s Said) Of(t testing.TB, rank int, subject string) []byte {
	t.Helper()
	data, err := os.ReadFile(said(s.folder, rank, subject))
	if err != nil {
		t.Error(err)
	}
	return data
}

// Float32s are the numbers in bytes, little endian.
func Float32s(t testing.TB, data []byte) []float32 {
	t.Helper()
	out := make([]float32, len(data)/4)
	if _, err := binary.Decode(data, binary.LittleEndian, out); err != nil {
		t.Error(err)
	}
	return out
}

// Run runs the test that calls it in the processes of a group, one thread each, and waits for their end.
func Run(t *testing.T, world int, more ...string) Said {
	t.Helper()
	torchtest.NeedProcesses(t)
	folder := t.TempDir()
	name, _, _ := strings.Cut(t.Name(), "/")
	var wait sync.WaitGroup
	for rank := range world {
		var out bytes.Buffer
		p := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+name+"$")
		p.Env = append(append(os.Environ(), "OMP_NUM_THREADS=1", "GOMAXPROCS=2", rankVariable+"="+strconv.Itoa(rank),
			worldVariable+"="+strconv.Itoa(world), folderVariable+"="+folder), more...)
		p.Stdout, p.Stderr = &out, &out
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			if err := p.Wait(); err != nil {
				t.Errorf("process %d of %d: %v\n%s", rank, world, err, out.String())
			}
		})
	}
	wait.Wait()
	return Said{folder}
}
