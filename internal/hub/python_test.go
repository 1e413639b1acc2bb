package hub

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// python runs a script with the real huggingface_hub, or skips the test where Python lacks it.
func python(t *testing.T, script string, env ...string) string {
	t.Helper()
	if err := exec.Command("python3", "-c", "import huggingface_hub").Run(); err != nil {
		t.Skip("python3 has no huggingface_hub here")
	}
	c := exec.Command("python3", "-c", script)
	c.Env = append(os.Environ(), append(env, "HF_TOKEN=", "HF_HUB_CACHE=", "HF_HUB_DISABLE_XET=1", "HF_HUB_DISABLE_TELEMETRY=1",
		"HF_HUB_DISABLE_PROGRESS_BARS=1")...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestHuggingFaceReadsOurCache(t *testing.T) {
	h := newHub(t, model())
	c, _ := h.client(t)
	home := t.TempDir()
	c.Cache = filepath.Join(home, "hub")
	dir := get(t, c, h)
	got := python(t, `
import os
os.environ.pop("HF_HUB_CACHE")
from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download, try_to_load_from_cache
print(hf_hub_download("org/model", "open_clip_model.safetensors"))
print(snapshot_download("org/model"))
print(try_to_load_from_cache("org/model", "tokenizer.json"))
report = scan_cache_dir()
assert not report.warnings, report.warnings
(repo,) = report.repos
(revision,) = repo.revisions
print(repo.repo_id, revision.commit_hash, sorted(revision.refs), len(revision.files))
`, "HF_HOME="+home, "HF_HUB_OFFLINE=1")
	want := strings.Join([]string{
		filepath.Join(dir, "open_clip_model.safetensors"), dir, filepath.Join(dir, "tokenizer.json"),
		"org/model " + testCommit + " ['main'] 3",
	}, "\n")
	if got != want {
		t.Errorf("huggingface_hub found\n%s\nwant\n%s", got, want)
	}
}

func TestOurClientReadsHuggingFacesCache(t *testing.T) {
	h := newHub(t, model())
	home := t.TempDir()
	theirs := python(t, `
import os
os.environ.pop("HF_HUB_CACHE")
from huggingface_hub import hf_hub_download
for name in "open_clip_config.json", "tokenizer.json", "open_clip_model.safetensors":
    path = hf_hub_download("org/model", name)
print(os.path.dirname(path))
`, "HF_HOME="+home, "HF_ENDPOINT="+h.URL, "HF_HUB_OFFLINE=")
	if h.count("GET /open_clip_model.safetensors") != 1 {
		t.Fatalf("huggingface_hub asked %v", h.seen)
	}
	c, _ := h.client(t)
	c.Cache, c.Offline = filepath.Join(home, "hub"), true
	if dir := get(t, c, h); dir != theirs {
		t.Errorf("%s, huggingface_hub has %s", dir, theirs)
	}
	c.Offline = false
	get(t, c, h)
	if n := h.count("GET /open_clip_model.safetensors"); n != 1 {
		t.Errorf("the weights were downloaded again")
	}
}
