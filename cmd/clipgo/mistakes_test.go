package main

import (
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/doctor"
)

// The mistakes of a first day: each gets its exit code and a line that says what to do.
func TestFirstMistakesGetTheWayOut(t *testing.T) {
	model, run, dir := tiny(t), trained(t), t.TempDir()
	shot := picture(t, filepath.Join(dir, "photos", "a.png"), color.White)
	table := write(t, filepath.Join(dir, "pairs.csv"), "picture,words\nphotos/a.png,a cat\n")
	gone := write(t, filepath.Join(dir, "gone.csv"), "filepath,title\nnot/here.png,a cat\n")
	zip := write(t, filepath.Join(dir, "a.zip"), "PK")
	index := filepath.Join(dir, "index")
	must(t, "embed", "--model", run, shot, "--index", index)
	other, out := filepath.Join(dir, "other"), filepath.Join(dir, "out")
	must(t, tinyRun(model, other, "--steps", "1")...)
	train := func(data string, more ...string) []string {
		return append([]string{"train", "--train-data", data, "--model", model, "--out", out}, more...)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"wrong path", train(filepath.Join(dir, "photoz")), 2,
			[]string{"photoz: no such file", "did you mean " + filepath.Join(dir, "photos") + "?"}},
		{"wrong path of a model", []string{"zeroshot", "--model", dir + "/othr", shot, "--classes", "a,b"}, 2,
			[]string{"did you mean " + other}},
		{"wrong column", train(table, "--csv-img-key", "path"), 3, []string{"picture, words", "--csv-img-key and --caption-key"}},
		{"columns not guessed", train(table), 3, []string{"picture, words", "--csv-img-key and --caption-key"}},
		{"no model", []string{"zeroshot", shot, "--classes", "a,b"}, 2, []string{"--model", "hf-hub:", "info --list"}},
		{"no model for an index", []string{"embed", shot, "--index", index}, 2, []string{"--model", "hf-hub:"}},
		{"weights of another model", []string{"zeroshot", "--model", "ViT-B-32", "--pretrained", newest(t, run) + "/model.safetensors",
			shot, "--classes", "a,b"}, 4, []string{"model.safetensors"}},
		{"no captions", train(filepath.Join(dir, "photos")), 3, []string{"a.txt beside"}},
		{"an archive", train(zip), 3, []string{"a.zip", "unpack it first"}},
		{"no such picture", train(gone), 3, []string{"not/here.png", "relative to the table's directory"}},
		{"index of another model", []string{"search", "--index", index, "--model", other, "cat"}, 4, []string{index}},
		{"resume another run", []string{"train", "--train-data", "builtin:shapes", "--model", "ViT-B-32", "--resume", "latest", "--out",
			other}, 2, []string{"new run"}},
		{"a run is there", tinyRun(model, other), 2, []string{"--resume latest", "another directory"}},
		{"nothing to resume", []string{"train", "--resume", "latest", "--out", out}, 2, []string{"--train-data"}},
		{"no decoder", []string{"caption", "--model", run, shot}, 4, []string{"CoCa"}},
		{"no index", []string{"search", "--index", filepath.Join(dir, "indexx"), "cat"}, 2, []string{"did you mean " + index + "?"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := clipgo(t, c.args...)
			if r.code != c.code || strings.Count(r.err[strings.LastIndex(r.err, "clipgo:"):], "\n") != 1 {
				t.Errorf("exit %d, want %d and one line:\n%s", r.code, c.code, r.err)
			}
			for _, want := range c.says {
				if !strings.Contains(r.err, want) {
					t.Errorf("the message doesn't have %q:\n%s", want, r.err)
				}
			}
		})
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused training left its directory behind")
	}
}

func TestAGPUThatIsNotThereNamesTheWayOut(t *testing.T) {
	if d := decodeJSON[doctor.Diagnosis](t, must(t, "doctor", "--json")); d.CUDA > 0 {
		t.Skip("there is a GPU")
	}
	r := clipgo(t, "zeroshot", "--model", "ViT-B-32", "builtin:emoji", "--device", "cuda")
	if r.code != exitUsage || !strings.Contains(r.err, "use cpu or auto") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}
