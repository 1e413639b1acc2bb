package run

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/report"
)

func TestNumbersInTheLogHaveThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{0.000498929052218411: "0.000499", 29.7265: "29.7", 100: "100", 0: "0"} {
		if got := fmt.Sprint(digits3(v)); got != want {
			t.Errorf("%g: %s, want %s", v, got, want)
		}
	}
}

// TestLogLinesOfEvaluationsAreShort has ten values with long names.
func TestLogLinesOfEvaluationsAreShort(t *testing.T) {
	var said bytes.Buffer
	found := report.Evaluation{Step: 12345}
	for i := range 10 {
		found.Values = append(found.Values, eval.Value{Name: fmt.Sprintf("image_retrieval_recall@%d", i), Value: 0.12345})
	}
	logEvaluation(slog.New(fileHandler(&said)), found)
	for line := range strings.Lines(said.String()) {
		if len(line) > 120 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	if n := strings.Count(said.String(), "=0.1235"); n != 10 {
		t.Errorf("%d values:\n%s", n, said.String())
	}
}

// TestASkippedSampleIsSaidOnce skips the same two samples in three epochs.
func TestASkippedSampleIsSaidOnce(t *testing.T) {
	s, said := opened(t.Context(), t)
	h := s.hooks()
	for range 3 {
		if err := h.record([]datasets.Skip{{Source: "s", Key: "a"}, {Source: "s", Key: "b"}}, 1); err != nil {
			t.Fatal(err)
		}
	}
	h.finish()
	if text := said.String(); strings.Count(text, "msg=skipped") != 2 || !strings.Contains(text, "4 samples were skipped again") {
		t.Errorf("said:\n%s", text)
	}
	if data, err := os.ReadFile(filepath.Join(s.Out, SkippedFile)); err != nil || strings.Count(string(data), "\n") != 6 {
		t.Errorf("recorded:\n%s%v", data, err)
	}
}

// classFolders is a folder with 8 pictures of each of two classes.
func classFolders(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 16 {
		class := filepath.Join(dir, []string{"cat", "dog"}[i%2])
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 32, 32))); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(class, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(class, fmt.Sprintf("%d.png", i)), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestEqualCaptionsAreSaidUpFront trains on class folders with each loss, and on data whose captions differ.
func TestEqualCaptionsAreSaidUpFront(t *testing.T) {
	dir := classFolders(t)
	for settings, want := range map[string]bool{"train_data=" + dir: true, "train_data=" + dir + " objective=siglip": false,
		"seed=1": false} {
		s, _ := opened(t.Context(), t, strings.Fields(settings)...)
		if note := s.equalCaptions(); (note != "") != want || want && !strings.Contains(note, "2 different captions for 8 pairs") {
			t.Errorf("%s: %q", settings, note)
		}
	}
}
