package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clipgo/pretrained"
)

// hubOf serves files as the repository org/tiny of a hub, which the test's environment then names.
func hubOf(t *testing.T, files map[string][]byte) {
	t.Helper()
	commit := strings.Repeat("1", 40)
	digest := func(data []byte) string { s := sha256.Sum256(data); return hex.EncodeToString(s[:]) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, found := strings.CutPrefix(r.URL.Path, "/org/tiny/resolve/"+commit+"/")
		switch {
		case r.URL.Path == "/api/models/org/tiny/revision/main":
			var siblings []map[string]string
			for name := range files {
				siblings = append(siblings, map[string]string{"rfilename": name})
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"sha": commit, "siblings": siblings})
		case found && files[name] != nil:
			w.Header().Set("X-Repo-Commit", commit)
			w.Header().Set("ETag", `"`+digest(files[name])+`"`)
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(files[name])))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	for _, name := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"} {
		t.Setenv(name, "")
	}
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("HF_ENDPOINT", server.URL)
}

func TestModelOfTheHubIsTheModelOfItsFolder(t *testing.T) {
	run, folder := filepath.Join(t.TempDir(), "run"), t.TempDir()
	must(t, tinyRun(tiny(t), run)...)
	files := map[string][]byte{}
	for _, name := range []string{pretrained.ModelConfigFile, pretrained.WeightsFile} {
		files[name] = read(t, run, pretrained.CheckpointsDir, "step-00000040", name)
		write(t, filepath.Join(folder, name), string(files[name]))
	}
	hubOf(t, files)
	args := []string{"builtin:shapes?split=val&n=40", "--json", "--precision", "fp32", "--model"}
	want := must(t, append(append([]string{"zeroshot"}, args...), folder)...)
	got := must(t, append(append([]string{"zeroshot"}, args...), "hf-hub:org/tiny")...)
	if measuredIn(got) != measuredIn(want) {
		t.Errorf("from the hub:\n%sfrom the folder:\n%s", got.out, want.out)
	}
	if !strings.Contains(got.err, "download") || !strings.Contains(got.err, pretrained.WeightsFile) {
		t.Errorf("the download is not reported: %s", got.err)
	}
	t.Setenv("HF_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("HF_HUB_OFFLINE", "1")
	must(t, "info", "hf-hub:org/tiny")
	started := filepath.Join(t.TempDir(), "started")
	must(t, append(tinyRun("hf-hub:org/tiny", started), "--steps", "1")...)
}

func TestHubsRefusalsGetOneLineAndTheirCode(t *testing.T) {
	hubOf(t, map[string][]byte{"config.json": []byte("{}")})
	for _, c := range []struct {
		model string
		code  int
		says  string
	}{
		{"hf-hub:org/tiny", exitModel, "no weights"},
		{"hf-hub:org/huge", exitModel, "404"},
		{"hf-hub:org/tiny@v9", exitModel, "v9"},
		{"hf-hub:../tiny", exitUsage, "ORG/REPO"},
		{"hf-hub:", exitUsage, "ORG/REPO"},
	} {
		r := clipgo(t, "zeroshot", "--model", c.model, "builtin:shapes?n=4")
		if r.code != c.code || !strings.Contains(r.err, c.says) || strings.Count(r.err, "\n") != 1 || r.out != "" {
			t.Errorf("%s: exit %d, want %d with %q\n%s%s", c.model, r.code, c.code, c.says, r.err, r.out)
		}
	}
	r := clipgo(t, "train", "--train-data", "builtin:shapes?n=64", "--model", "ViT-Nano-16-64", "--pretrained", "hf-hub:org/tiny",
		"--out", filepath.Join(t.TempDir(), "x"))
	if r.code != exitUsage || !strings.Contains(r.err, "give it as the model, hf-hub:org/tiny") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}
