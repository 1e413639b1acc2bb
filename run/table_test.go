package run

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/config"
	"clipgo/report"
)

func TestTheLastEvaluationIsATable(t *testing.T) {
	values := func(top1, recall, perplexity float64) []eval.Value {
		return []eval.Value{{Name: "zeroshot_top1", Value: top1, Chance: 0.01}, {Name: "image_retrieval_recall@10", Value: recall},
			{Name: "perplexity", Value: perplexity, Unit: eval.Perplexity}}
	}
	v := validation{history: []report.Evaluation{{Step: 10, Values: values(0.5, 0.2, 3)}, {Step: 20, Values: values(0.25, 1, 2)}}}
	want := []string{
		"  evaluation at step 20          value   chance                 best",
		"  zeroshot_top1                25.00 %   1.00 %   50.00 % at step 10",
		"  image_retrieval_recall@10   100.00 %",
		"  perplexity                    2.0000",
	}
	if got := v.table(); !slices.Equal(got, want) {
		t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	v.history = v.history[:1]
	if got := v.table(); strings.Contains(strings.Join(got, "\n"), "best") {
		t.Errorf("a column without values: %q", got)
	}
	if got := new(validation).table(); len(got) > 0 {
		t.Errorf("without an evaluation: %q", got)
	}
}

// A value that is refused after everything was merged names the line of the config file, or the flag, that has it.
func TestRefusedSettingsNameTheirPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("steps: 3\noptim:\n  lr: -1\n  beta1: 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ flag, want string }{
		{"ema_decay=0", file + ":3: optim.lr: -1 is negative"},
		{"optim.lr=-2", "--flag: -2 is negative"},
		{"ema_decay=3", "--flag: 3 is not in [0, 1)"},
	} {
		saved, err := config.Load(Default(), file)
		if err != nil {
			t.Fatal(err)
		}
		flag, err := config.Assign(Default(), config.Flag, "--flag", c.flag, "out="+t.TempDir(), "train_data=builtin:emoji")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = Resolve(t.Context(), Console{}.filled().Find, saved, flag); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.flag, err, c.want)
		}
	}
}

// What a killed sitting left half written is removed by the next one. Files of others stay.
func TestLeftoversOfAKilledSittingAreRemoved(t *testing.T) {
	s, _ := opened(t.Context(), t)
	left, others := filepath.Join(s.Out, ".report.html.tmp-0123456789abcdef"), filepath.Join(s.Out, ".report.html.mine")
	for _, path := range []string{left, others} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s.closers, s.Resume = nil, "latest"
	if err := s.openDir(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("%s: %v", left, err)
	}
	if _, err := os.Stat(others); err != nil {
		t.Error(err)
	}
}

// unreadable is a source beside which there is a folder that can't be read.
type unreadable struct{ datasets.Source }

func (u unreadable) Info() datasets.Info {
	i := u.Source.Info()
	i.Unread = []datasets.Skip{{Source: i.Name, Key: "photos/locked", Reason: "permission denied"}}
	return i
}

func TestUnreadableFoldersAreRecorded(t *testing.T) {
	s, _ := opened(t.Context(), t)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s.closers, s.train = nil, unreadable{s.train}
	if err := errors.Join(s.openDir(), s.record()); err != nil {
		t.Fatal(err)
	}
	s.resumed = "a checkpoint" // the line is there already
	if err := s.recordUnread(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(s.Out, SkippedFile))
	if text := string(data); err != nil || strings.Count(text, "\n") != 1 || !strings.Contains(text, `"step":0`) ||
		!strings.Contains(text, "photos/locked") {
		t.Errorf("%s%v", data, err)
	}
}

// Only locks that were asked for are said: positions that are never trained are no lock.
func TestLocksAreSaid(t *testing.T) {
	for setting, want := range map[string]string{"seed=1": "", "lock_image=true": " (3.2 million of them trained)"} {
		s, _ := opened(t.Context(), t, "model=ViT-Nano-16-64", setting)
		if got := s.lockNote(); got != want {
			t.Errorf("%s: %q, want %q", setting, got, want)
		}
	}
}
