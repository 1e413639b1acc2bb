package main

import (
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/paths"
	"clipgo/pretrained"
)

// TestBadInputGetsOneLineAndItsCode runs wrong command lines: exit code, one line on stderr, nothing on stdout.
func TestBadInputGetsOneLineAndItsCode(t *testing.T) {
	model := tiny(t)
	dir := t.TempDir()
	csv := write(t, filepath.Join(dir, "pairs.csv"), "picture,words\na.png,a cat\n")
	misspelt := write(t, filepath.Join(dir, "misspelt.json"), `{"embed_dim": 32, "vision_cfg": {"image_sise": 64}, "text_cfg": {}}`)
	unsupported := write(t, filepath.Join(dir, "unsupported.json"),
		`{"embed_dim": 32, "vision_cfg": {"timm_model_name": "resnet50"}, "text_cfg": {}}`)
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	shot := picture(t, filepath.Join(dir, "shot.png"), color.White)
	base := []string{"train", "--train-data", "builtin:shapes?n=64", "--model", model, "--out", filepath.Join(dir, "run")}
	train := func(more ...string) []string { return append(append([]string{}, base...), more...) }
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"unknown command", []string{"trian"}, 2, "train"},
		{"unknown flag", train("--bach-size", "8"), 2, "--batch-size"},
		{"unknown setting", train("--set", "optim.lrr=1"), 2, "optim.lr"},
		{"negative rate", train("--lr", "-1"), 2, "lr"},
		{"not a number", train("--lr", "fast"), 2, "fast"},
		{"steps and epochs", train("--steps", "5", "--epochs", "1"), 2, "exclude"},
		{"batch of nothing", train("--batch-size", "0"), 2, "--batch-size must"},
		{"unknown precision", train("--precision", "int4"), 2, "int4"},
		{"unknown scheduler", train("--lr-scheduler", "cosinus"), 2, "cosine"},
		{"unknown built-in", []string{"train", "--train-data", "builtin:emojis", "--out", filepath.Join(dir, "x")}, 2, "emoji"},
		{"unknown parameter", []string{"train", "--train-data", "builtin:shapes?m=1", "--model", model, "--out",
			filepath.Join(dir, "x")}, 2, "n"},
		{"no data", []string{"train", "--model", model, "--out", filepath.Join(dir, "x")}, 2, "--train-data"},
		{"missing path", []string{"train", "--train-data", filepath.Join(dir, "nowhere"), "--model", model, "--out",
			filepath.Join(dir, "x")}, 2, "nowhere"},
		{"empty folder", []string{"train", "--train-data", filepath.Join(dir, "empty"), "--model", model, "--out",
			filepath.Join(dir, "x")}, 3, "empty"},
		{"wrong column", []string{"train", "--train-data", csv, "--csv-img-key", "path", "--model", model, "--out",
			filepath.Join(dir, "x")}, 3, "picture"},
		{"batch over data", train("--batch-size", "65"), 3, "batch_size"},
		{"misspelt model key", []string{"info", misspelt}, 2, "image_size"},
		{"unsupported model key", []string{"info", unsupported}, 4, "not supported"},
		{"unknown model", []string{"zeroshot", "--model", "ViT-B-23", "builtin:emoji"}, 2, "ViT-B-"},
		{"no model in folder", []string{"zeroshot", "--model", filepath.Join(dir, "empty"), "builtin:emoji"}, 4, "no model"},
		{"no index", []string{"search", "--index", filepath.Join(dir, "nowhere"), "cat"}, 2, "nowhere"},
		{"empty query", []string{"search", "--index", dir, ""}, 2, "query"},
		{"no hits wanted", []string{"search", "--index", dir, "--top", "0", "cat"}, 2, "--top"},
		{"search in a file", []string{"search", "--index", csv, "cat"}, 2, "pairs.csv"},
		{"index is a file", []string{"embed", "--model", model, "--index", csv, shot}, 2, "pairs.csv"},
		{"index below a file", []string{"embed", "--model", model, "--index", filepath.Join(csv, "x"), shot}, 2, "pairs.csv"},
		{"out is a file", append(train(), "--out", csv), 2, "pairs.csv"},
		{"unknown dtype", []string{"embed", "--model", model, "--index", filepath.Join(dir, "x"), "--dtype", "int8", shot}, 2, "int8"},
		{"no classes", []string{"zeroshot", "--model", model, shot}, 2, "--classes"},
		{"empty class", []string{"zeroshot", "--model", model, shot, "--classes", "a,,b"}, 2, "name 2"},
		{"repeated class", []string{"zeroshot", "--model", model, shot, "--classes", "a,b,a"}, 2, `"a"`},
		{"no shell", []string{"completion"}, 2, "zsh"},
		{"unknown shell", []string{"completion", "foo"}, 2, "foo"},
		{"nothing to measure", []string{"eval"}, 2, "retrieval"},
		{"unknown measurement", []string{"eval", "retreival"}, 2, "did you mean retrieval"},
		{"nothing to embed", []string{"embed", "--model", model}, 2, "embed --model M SRC... --index DIR"},
		{"flags without a command", []string{"--json"}, 2, "command is missing"},
		{"two things to describe", []string{"info", "a", "b"}, 2, "--help"},
		{"unknown bench", []string{"bench", "fly", "--model", model}, 2, "train, embed or load"},
		{"unknown model", []string{"embed", "--model", "quite another", "--index", filepath.Join(dir, "x"), shot}, 2, "clipgo info --list"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := clipgo(t, c.args...)
			if r.code != c.code {
				t.Errorf("exit %d, want %d", r.code, c.code)
			}
			if lines := strings.Count(r.err, "\n"); lines != 1 || !strings.Contains(r.err, c.says) {
				t.Errorf("stderr is not one line with %q:\n%s", c.says, r.err)
			}
			if r.out != "" {
				t.Errorf("stdout is not empty:\n%s", r.out)
			}
		})
	}
	if paths.Exists(filepath.Join(dir, "x")) || paths.Exists(filepath.Join(dir, "run")) {
		t.Error("a refused training left a directory behind")
	}
}

func TestCommandsWithoutLibtorch(t *testing.T) {
	for _, args := range [][]string{
		{"--help"}, {"train", "--help"}, {"version"}, {"info", "--list"}, {"info", "ViT-B-32"}, {"info", "builtin:emoji"},
		{"completion", "bash"}, {"doctor"},
	} {
		c := process(t, args...)
		c.Env = append(c.Env, "CLIPGO_LIBTCH=/nowhere/libtch.so")
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("clipgo %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

func TestARunIsNotOverwritten(t *testing.T) {
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(model, out, "--steps", "4")...)
	before := read(t, out, pretrained.RunFile)
	r := clipgo(t, tinyRun(model, out, "--steps", "4")...)
	if r.code != exitUsage || !strings.Contains(r.err, "already contains a run; continue it with --resume latest") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	if string(read(t, out, pretrained.RunFile)) != string(before) {
		t.Error("the refused run changed run.json")
	}
}

func TestASecondRunIntoTheSameDirectoryIsRefused(t *testing.T) {
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	c := process(t, tinyRun(model, out, "--steps", "100000")...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Wait() }()
	defer func() { _ = c.Process.Kill() }()
	waitFor(t, func() bool { return paths.Exists(filepath.Join(out, metricsFile)) })
	for _, more := range [][]string{nil, {"--resume", "latest"}} {
		if r := clipgo(t, tinyRun(model, out, more...)...); r.code != exitInUse {
			t.Errorf("%v: exit %d, want 75: %s", more, r.code, r.err)
		}
	}
}

func TestAFlippedBitIsFoundAndPassedOver(t *testing.T) {
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(model, out, "--save-frequency", "10", "--steps", "20")...)
	flip := func(step string) {
		path := filepath.Join(out, pretrained.CheckpointsDir, step, pretrained.WeightsFile)
		data := read(t, path)
		data[len(data)/2] ^= 4
		write(t, path, string(data))
	}
	flip("step-00000020")
	r := must(t, "zeroshot", "--model", out, "builtin:shapes?split=val&n=20")
	if !strings.Contains(r.err, "step-00000020") {
		t.Errorf("the damaged checkpoint is not named:\n%s", r.err)
	}
	flip("step-00000010")
	if r := clipgo(t, "zeroshot", "--model", out, "builtin:shapes?split=val&n=20"); r.code != exitModel {
		t.Errorf("exit %d, want 4: %s", r.code, r.err)
	}
}
