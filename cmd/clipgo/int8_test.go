package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"image/color"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch/torchtest"
	"clipgo/internal/vec"
	"clipgo/pretrained"
	"clipgo/search"
)

// goldenModel copies a model with trained weights to a folder where its 8-bit forms can be kept.
func goldenModel(t *testing.T) (model, data string) {
	t.Helper()
	torchtest.Need(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir, model := golden.Dir(t, "benchmark"), filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(model, os.DirFS(filepath.Join(dir, "model"))); err != nil {
		t.Fatal(err)
	}
	return model, filepath.Join(dir, "data")
}

// TestGoldenInt8MeasuresAsFloat32: zero-shot and retrieval of a trained model have the figures of float32, to one picture.
func TestGoldenInt8MeasuresAsFloat32(t *testing.T) {
	model, data := goldenModel(t)
	measure := func(precision, command, set string) (figures map[string]float64, n float64) {
		t.Helper()
		line := append(strings.Fields(command), "--model", model, filepath.Join(data, set), "--precision", precision, "--json")
		var got map[string]any
		if err := json.Unmarshal([]byte(must(t, line...).out), &got); err != nil {
			t.Fatal(err)
		}
		of, figures := got, map[string]float64{}
		if metrics, ok := got["metrics"].(map[string]any); ok {
			of = metrics
		}
		for _, name := range []string{"top1", "image_retrieval_recall@1", "text_retrieval_recall@1"} {
			if v, ok := of[name].(float64); ok {
				figures[name] = v
			}
		}
		n, _ = got["n"].(float64)
		return figures, n
	}
	for _, c := range []struct{ command, set string }{
		{"zeroshot", "wds_textile/test"}, {"zeroshot", "wds_emoji-cross"}, {"zeroshot", "wds_digits-invert"},
		{"eval retrieval", "wds_scenes_captions"},
	} {
		want, n := measure("fp32", c.command, c.set)
		got, _ := measure("int8", c.command, c.set)
		one := cmp.Or(n, 60) // retrieval has its number of pictures nowhere
		for name, value := range want {
			if math.Abs(got[name]-value) > 1/one+1e-9 {
				t.Errorf("%s of %s: %s is %g, in float32 %g", c.command, c.set, name, got[name], value)
			}
		}
		if len(want) == 0 || len(got) != len(want) {
			t.Errorf("%s of %s: figures %v, in float32 %v", c.command, c.set, got, want)
		}
	}
}

// TestGoldenInt8FeaturesAreNearFloat32: so are all features of pictures and captions of a trained model.
func TestGoldenInt8FeaturesAreNearFloat32(t *testing.T) {
	model, data := goldenModel(t)
	rows := func(precision string) map[string]search.Record {
		index := filepath.Join(t.TempDir(), precision)
		got := decodeJSON[embedResult](t, must(t, "embed", "--model", model, filepath.Join(data, "wds_scenes_captions"), "--index", index,
			"--precision", precision, "--json"))
		if (got.Int8 != nil) != (precision == "int8") || got.Int8 != nil && (len(got.Int8.Kept) > 0 || got.Int8.Cache == "") {
			t.Errorf("%s: %+v", precision, got.Int8)
		}
		ix, err := search.Open(index)
		if err != nil {
			t.Fatal(err)
		}
		defer ix.Close()
		out := map[string]search.Record{}
		for r, err := range ix.Records(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			out[r.Path] = r
		}
		return out
	}
	want, got := rows("fp32"), rows("int8")
	if len(want) == 0 || len(got) != len(want) {
		t.Fatalf("%d rows, in float32 %d", len(got), len(want))
	}
	same := 0
	for path, w := range want {
		image, text := vec.Dot(w.Image, got[path].Image), vec.Dot(w.Text, got[path].Text)
		if image < pretrained.MinInt8Cosine || text < pretrained.MinInt8Cosine {
			t.Errorf("%s: cosines to float32 %g and %g", path, image, text)
		}
		if fmt.Sprint(w.Image) == fmt.Sprint(got[path].Image) {
			same++
		}
	}
	if same == len(want) {
		t.Error("all features are those of float32: nothing was computed in 8 bits")
	}
}

// TestAnIndexTakesBothPrecisions: rows in 8 bits join those of float32, the index says so when they are there, and queries in either
// find both.
func TestAnIndexTakesBothPrecisions(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	run, dir, index := trained(t), t.TempDir(), filepath.Join(t.TempDir(), "mixed")
	embed := func(precision, want string, added int) result {
		t.Helper()
		r := must(t, "embed", "--model", run, dir, "--index", index, "--precision", precision, "--json")
		if got := decodeJSON[embedResult](t, r); got.Added != added {
			t.Errorf("%+v, want %d added", got.Result, added)
		}
		if got := decodeJSON[search.Info](t, must(t, "info", index, "--json")); got.Precision != want {
			t.Errorf("%s, %d added: the index's precision is %q, want %q", precision, added, got.Precision, want)
		}
		return r
	}
	const compatible = "are compatible"
	picture(t, filepath.Join(dir, "red.png"), color.NRGBA{220, 20, 20, 255})
	if r := embed("fp32", "", 1); strings.Contains(r.err, compatible) {
		t.Errorf("a new index: %s", r.err)
	}
	if r := embed("int8", "", 0); !strings.Contains(r.err, "quantizing the model to 8 bits, once") {
		t.Errorf("the first use in 8 bits says:\n%s", r.err)
	}
	picture(t, filepath.Join(dir, "green.png"), color.NRGBA{20, 220, 20, 255})
	if r := embed("int8", "float+int8", 1); !strings.Contains(r.err, compatible) || strings.Contains(r.err, "quantiz") ||
		strings.Contains(r.err, "smallest cosine") {
		t.Errorf("another use says:\n%s", r.err)
	}
	for _, precision := range []string{"fp32", "int8"} {
		r := must(t, "search", "--index", index, "--precision", precision, "a red square")
		if strings.Count(r.out, "\n") != 2 || strings.Contains(r.err, "int8 (") {
			t.Errorf("a query in %s: %s%s", precision, r.out, r.err)
		}
	}
	servedInInt8(t, index)
}

// servedInInt8 asks a server that computes in 8 bits for words.
func servedInInt8(t *testing.T, index string) {
	t.Helper()
	ctx, interrupted := context.WithCancelCause(t.Context())
	defer interrupted(nil)
	address, code := started(t, ctx, []string{"serve", "--index", index, "--addr", "127.0.0.1:0", "--precision", "int8", "--thumb-cache",
		t.TempDir()})
	answer, err := http.Get(address + "api/search?q=a+red+square&index=mixed")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var got struct{ Total int }
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.Total != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	interrupted(&interrupt{syscall.SIGTERM})
	if got := <-code; got != 0 {
		t.Errorf("exit %d", got)
	}
}

// TestCaptionsInInt8: the image tower computes in 8 bits, the decoder in float32.
func TestCaptionsInInt8(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	run := filepath.Join(t.TempDir(), "captioner")
	must(t, captionRun(tinyCaptioner(t), run)...)
	r := must(t, "caption", "--model", run, "builtin:shapes?split=val&n=3", "--precision", "int8", "--max-length", "6", "--json")
	if strings.Count(r.out, "\n") != 3 || !strings.Contains(r.err, "matrices in 8 bits") {
		t.Errorf("%s%s", r.out, r.err)
	}
}
