package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/remote/remotetest"
)

// filesOf reads a folder and all below it, by the path in it.
func filesOf(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[name], err = os.ReadFile(filepath.Join(folder, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestCommandsReadDataWhereItIs gives the commands the same shards on disk, from S3 and from the hub: the results are
// the same, and so is a run that is resumed.
func TestCommandsReadDataWhereItIs(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	run, folder := trained(t), golden.Dir(t, "webdataset")
	files := filesOf(t, folder)
	remotetest.ServeS3(t, files)
	remotetest.ServeHub(t, files)
	from := map[string]string{"disk": folder, "s3": "s3://" + remotetest.Bucket, "hub": "hf-hub:datasets/org/set"}
	want := resultsFrom(t, run, from["disk"])
	whole := runFrom(t, from["disk"], "--steps", "4")
	for _, place := range []string{"s3", "hub"} {
		got := resultsFrom(t, run, from[place])
		for _, what := range slices.Sorted(maps.Keys(want)) {
			if got[what] != want[what] {
				t.Errorf("%s from %s:\n%s\nfrom the disk:\n%s", what, place, got[what], want[what])
			}
		}
		parts := runFrom(t, from[place], "--steps", "4", "--stop-after", "2")
		must(t, "train", "--resume", "latest", "--out", parts)
		sameRun(t, parts, whole)
	}
}

func runFrom(t *testing.T, base string, more ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "run")
	must(t, append([]string{"train", "--train-data", base + "/pairs/{00000..00001}.tar", "--model", tiny(t), "--out", out,
		"--batch-size", "4", "--precision", "fp32", "--val-frequency", "0", "--zeroshot-frequency", "0", "--max-skip", "1"}, more...)...)
	return out
}

// resultsFrom is what commands say of the shards under a base, without the base.
func resultsFrom(t *testing.T, run, base string) map[string]string {
	t.Helper()
	pairs, classes, index := base+"/pairs/{00000..00001}.tar", base+"/benchmark/test/{0..1}.tar", filepath.Join(t.TempDir(), "index")
	out := map[string]string{}
	said := func(args ...string) string {
		return strings.ReplaceAll(must(t, append(args, "--json")...).out, base, "BASE")
	}
	out["zeroshot"], out["retrieval"] = said("zeroshot", "--model", run, classes), said("eval", "retrieval", "--model", run, pairs)
	checked := decodeJSON[struct{ Samples, Captions, Pictures, Unusable json.RawMessage }](t, result{
		out: said("check", pairs, "--max-skip", "1", "--all")})
	out["check"] = fmt.Sprintf("%s", checked)
	must(t, "embed", "--model", run, "--index", index, pairs)
	for name, data := range filesOf(t, index) {
		if strings.HasSuffix(name, ".npy") {
			out[name] = string(data)
		}
	}
	return out
}

// TestInfoOfWhatIsMissingSpeaksOfItsArgument: info has no flag that names what it describes.
func TestInfoOfWhatIsMissingSpeaksOfItsArgument(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	for x, want := range map[string]string{
		web.URL + "/a.tar": web.URL + "/a.tar: there is no such object",
		web.URL + "/a.csv": web.URL + "/a.csv: there is no such object",
		"./missing.csv":    "./missing.csv: no such file or directory",
		"ftp://host/a.tar": "ftp://host/a.tar: addresses of this kind are not read",
	} {
		r := clipgo(t, "info", x)
		if r.code != exitUsage || !strings.HasPrefix(r.err, "clipgo: "+want) || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%s: exit %d: %s", x, r.code, r.err)
		}
	}
}
