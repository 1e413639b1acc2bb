package main

import (
	"encoding/json"
	"image/color"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/paths"
	"clipgo/search"
	"clipgo/search/ingest"
	"clipgo/search/postgres/pgtest"
)

// indexOf makes an index of a folder of three pictures, with the random weights of a config.
func indexOf(t *testing.T) (model, pictures, index string) {
	t.Helper()
	model, index = tiny(t), filepath.Join(t.TempDir(), "index")
	pictures = filepath.Join(t.TempDir(), "p")
	for i, name := range []string{"a", "b", "c"} {
		picture(t, filepath.Join(pictures, name+".png"), color.NRGBA{uint8(99 * i), 99, 20, 255})
	}
	if got := embedded(t, "--model", model, pictures, "--index", index); got != (ingest.Result{Added: 3}) {
		t.Fatalf("%+v", got)
	}
	return model, pictures, index
}

// says checks a refused command line: its exit code, one line on stderr, and the words in it.
func says(t *testing.T, r result, code int, words ...string) {
	t.Helper()
	last := strings.TrimSpace(r.err[strings.LastIndex(strings.TrimSpace(r.err), "\n")+1:])
	for _, word := range words {
		if !strings.Contains(last, word) {
			t.Errorf("%q is not in %q", word, last)
		}
	}
	if r.code != code {
		t.Errorf("exit %d, want %d: %s", r.code, code, r.err)
	}
}

// TestAGoneSourceIsDropped removes a folder from under an index: embed names the way out, and the commands of index go it.
func TestAGoneSourceIsDropped(t *testing.T) {
	model, pictures, index := indexOf(t)
	if err := os.Remove(filepath.Join(pictures, "a.png")); err != nil {
		t.Fatal(err)
	}
	if got := decodeJSON[removed](t, must(t, "index", "prune", "--index", index, "--json")); got != (removed{1, 2}) {
		t.Errorf("prune: %+v", got)
	}
	if err := os.RemoveAll(pictures); err != nil {
		t.Fatal(err)
	}
	advice := []string{"2 rows", "clipgo index rm --index " + index + " " + pictures}
	says(t, clipgo(t, "embed", "--model", model, pictures, "--index", index), exitUsage, advice...)
	if err := os.Mkdir(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	says(t, clipgo(t, "embed", "--model", model, pictures, "--index", index), exitData, advice...)
	if r := must(t, "index", "rm", "--index", index, pictures); r.out != "removed 2 rows, 0 are left\n" {
		t.Errorf("rm: %s", r.out)
	}
	foreign := filepath.Join(t.TempDir(), "foreign")
	if err := os.MkdirAll(filepath.Join(foreign, "img_emb"), 0o755); err != nil {
		t.Fatal(err)
	}
	says(t, clipgo(t, "index", "prune", "--index", foreign), exitUsage, "did not make it")
	says(t, clipgo(t, "index", "prune", "--index", pictures), exitUsage, "not an index")
	says(t, clipgo(t, "index", "rm", "--index", index), exitUsage, "index rm --index DIR PATH...")
	says(t, clipgo(t, "index", "prune", "--index", "caf\xe9"), exitUsage, `caf\xe9`, "not UTF-8")
	if paths.Exists(filepath.Join(pictures, "lock")) {
		t.Error("a folder that is no index was written to")
	}
}

// TestADamagedIndexIsRepaired flips a bit: nobody uses or extends the index, each message names the way out, and it works.
func TestADamagedIndexIsRepaired(t *testing.T) {
	model, pictures, index := indexOf(t)
	file := filepath.Join(index, "img_emb", "img_emb_0.npy")
	data := read(t, file)
	data[len(data)-1] ^= 1
	write(t, file, string(data))
	picture(t, filepath.Join(pictures, "d.png"), color.White)
	again := []string{"embed", "--model", model, pictures, "--index", index}
	for _, line := range [][]string{again, {"search", "--index", index, "--model", model, "x"}, {"info", index},
		{"index", "prune", "--index", index}} {
		says(t, clipgo(t, line...), exitModel, file, "clipgo embed --repair", "--index "+index)
	}
	if err := os.Remove(filepath.Join(pictures, "a.png")); err != nil {
		t.Fatal(err)
	}
	r := must(t, append(again, "--repair", "--json")...)
	got := decodeJSON[embedResult](t, r)
	if got.Added != 3 || got.Damaged != 3 || got.Restored != 2 {
		t.Errorf("%+v", got)
	}
	if got := indexed(t, index, pictures); len(got) != 3 {
		t.Errorf("the index has %v", got)
	}
	meta := filepath.Join(index, "meta.json")
	write(t, meta, strings.Replace(string(read(t, meta)), "0.48145466", "0.58145466", 1))
	says(t, clipgo(t, again...), exitModel, meta, "SHA-256", "move the directory away")
	says(t, clipgo(t, append(again, "--repair")...), exitModel, meta)
}

// TestAnIndexMakesNothingBeDownloaded: the model's name in an index leads to the cache, and the hub is asked for nothing.
func TestAnIndexMakesNothingBeDownloaded(t *testing.T) {
	_, _, index := indexOf(t)
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	t.Setenv("HF_ENDPOINT", server.URL)
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("HF_HUB_CACHE", "")
	t.Setenv("HF_HUB_OFFLINE", "")
	rename := func(name string) {
		path := filepath.Join(index, "meta.json")
		var meta map[string]any
		if err := json.Unmarshal(read(t, path), &meta); err != nil {
			t.Fatal(err)
		}
		delete(meta, "sha256")
		meta["model"] = name
		text, err := json.Marshal(meta)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(text))
	}
	rename("hf-hub:org/tiny")
	says(t, clipgo(t, "search", "--index", index, "x"), exitModel, index, "not in the cache", "--model hf-hub:org/tiny downloads it")
	if asked > 0 {
		t.Errorf("%d requests", asked)
	}
	if r := clipgo(t, "search", "--index", index, "--model", "hf-hub:org/tiny", "x"); r.code == 0 || asked == 0 {
		t.Errorf("a model that the user names is not asked for: %s", r.err)
	}
	gone := filepath.Join(t.TempDir(), "moved")
	rename(gone)
	says(t, clipgo(t, "search", "--index", index, "x"), exitUsage, index+" records", gone, "--model names")
	if r := must(t, "info", index); !strings.Contains(r.out, gone) || strings.Contains(r.out, "{") {
		t.Errorf("info doesn't name the model, or prints JSON:\n%s", r.out)
	}
}

// TestAnotherModelsIndexIsExplained names both models, and of the preprocessing only what differs.
func TestAnotherModelsIndexIsExplained(t *testing.T) {
	model, pictures, index := indexOf(t)
	says(t, clipgo(t, "search", "--index", index, "--model", model, "--seed", "7", "x"), exitModel, model+" (fingerprint ", "new index")
	r := clipgo(t, "embed", "--index", index, "--model", model, pictures, "--set", "preprocess.draft=true")
	says(t, r, exitModel, "draft=default, not draft=true")
	if strings.Contains(r.err, "mean=") {
		t.Errorf("what is the same is named: %s", r.err)
	}
}

func TestHitsArePrintedAsAsked(t *testing.T) {
	model, pictures, index := indexOf(t)
	picture(t, filepath.Join(pictures, "caf\xe9.png"), color.White)
	must(t, "embed", "--model", model, pictures, "--index", index)
	base := []string{"search", "--index", index, "--model", model, "--top", "9"}
	line := func(more ...string) result { return clipgo(t, append(append([]string{}, base...), more...)...) }
	if r := line("x", "--paths"); strings.Count(r.out, pictures) != 4 || !strings.Contains(r.out, `caf\xe9.png`+"\n") {
		t.Errorf("--paths: %q", r.out)
	}
	if r := line("x", "-0"); strings.Count(r.out, "\x00") != 4 || !strings.Contains(r.out, "caf\xe9.png\x00") {
		t.Errorf("-0: %q", r.out)
	}
	var uri string
	for text := range strings.Lines(line("x", "--json").out) {
		if hit := decodeJSON[search.Hit](t, result{out: text}); strings.Contains(hit.Path, "caf") {
			uri = hit.Path
		}
	}
	if r := line(uri, "--json"); r.code != 0 || strings.Count(r.out, "\n") != 3 || strings.Contains(r.out, uri) {
		t.Errorf("a path of --json as query: exit %d, %s%s", r.code, r.out, r.err)
	}
	a := filepath.Join(pictures, "a.png")
	r := line("--plus", "+2:night", "--minus", a, "--text", "a.png", "--image", a, "-q")
	says(t, r, exitUsage, "--minus")
	r = line("--plus", "+2:night", "--minus", "+0.5:dog", "--text", "a.png", "--image", a, "16:9")
	if want := `query: +1 x text "16:9", +2 x text "night", +1 x text "a.png", +1 x picture "` + a + `", -0.5 x text "dog"`; r.code != 0 ||
		!strings.Contains(r.err, want) {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	if r := line(strings.Repeat("word ", 40)); r.code != 0 || !strings.Contains(r.err, "only the beginning") ||
		!strings.Contains(r.err, "16") {
		t.Errorf("a long text: %s", r.err)
	}
	says(t, line("--", "x", "--top", "3"), exitUsage, "--top", "before the --")
	says(t, line("-clock"), exitUsage, `--minus "clock"`)
	says(t, line("--threshold", "90", "x"), exitUsage, "--threshold is a cosine similarity between -1 and 1")
	says(t, line("https://example.org/a.jpg"), exitUsage, "save the picture first")
	says(t, line("--json", "--paths", "x"), exitUsage, "exclude")
	says(t, line(), exitUsage, "nothing to search for")
}

func TestShellsCompleteTheFlagsOfAnIndex(t *testing.T) {
	for line, want := range map[string]string{"embed --dtype ": "float16", "search --html ": ":8", "index rm --index ": ":16"} {
		if r := clipgo(t, append([]string{"__complete"}, strings.Split(line, " ")...)...); !strings.Contains(r.out, want) {
			t.Errorf("%s: %q doesn't hold %q", line, r.out, want)
		}
	}
}

// TestHitsAreShownOnAPage: the page holds small pictures, escapes names and captions, and says why a picture is missing.
func TestHitsAreShownOnAPage(t *testing.T) {
	model, pictures, index := indexOf(t)
	odd := picture(t, filepath.Join(pictures, "<script>alert(1)<b>\x1b.png"), color.White)
	write(t, strings.TrimSuffix(odd, ".png")+".txt", "\"'><img src=x onerror=alert(2)>\n")
	must(t, "embed", "--model", model, pictures, "--index", index)
	if err := os.Remove(filepath.Join(pictures, "b.png")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(pictures, "c.png"), "no picture any more")
	page := filepath.Join(t.TempDir(), "hits.html")
	must(t, "search", "--index", index, "--model", model, "--html", page, "<i>x</i>")
	text := string(read(t, page))
	for want, n := range map[string]int{"src=\"data:image/jpeg;base64,": 2, "<li>": 4, "the file is gone": 1, "no preview: ": 1,
		"<script":    0,
		"<img src=x": 0, "<i>": 0, "\x1b": 0, "default-src &#39;none&#39;": 0, "default-src 'none'": 1, "ZgotmplZ": 0} {
		if got := strings.Count(text, want); got != n {
			t.Errorf("%q is there %d times, want %d", want, got, n)
		}
	}
	if r := clipgo(t, "search", "--index", index, "--model", model, "--html", filepath.Join(page, "x"), "x"); r.code == 0 || r.out != "" {
		t.Errorf("a page that can't be written: exit %d, %s", r.code, r.out)
	}
}

// TestPassedOverCaptionsAreCounted: of several captions one is indexed, and of a long one the beginning.
func TestPassedOverCaptionsAreCounted(t *testing.T) {
	model, pictures, index := indexOf(t)
	write(t, filepath.Join(pictures, "a.txt"), strings.Repeat("word ", 40)+"\nanother\n")
	r := must(t, "embed", "--model", model, pictures, "--index", index)
	for _, want := range []string{"1 captions are not in the index", "1 captions are longer"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is not said: %s", want, r.out)
		}
	}
}

func TestAnIndexIsListedCheckedExportedAndMerged(t *testing.T) {
	_, pictures, index := indexOf(t)
	if got := must(t, "index", "ls", "--index", index).out; got != "       3  "+pictures+"\n" {
		t.Errorf("ls: %q", got)
	}
	got := must(t, "index", "ls", "--index", index, "-0").out
	if strings.Count(got, "\x00") != 3 || !strings.HasPrefix(got, pictures+"/a.png\x00") {
		t.Errorf("ls -0: %q", got)
	}
	must(t, "index", "verify", "--index", index)
	out := filepath.Join(t.TempDir(), "merged")
	must(t, "index", "merge", index, "--out", out)
	if got := must(t, "index", "ls", "--index", out, "--paths", "--json").out; strings.Count(got, "\n") != 3 {
		t.Errorf("merged: %q", got)
	}
	must(t, "index", "export", "--index", out, "--out", filepath.Join(t.TempDir(), "x.parquet"))
	if err := os.Truncate(filepath.Join(index, "img_emb", "img_emb_0.npy"), 300); err != nil {
		t.Fatal(err)
	}
	says(t, clipgo(t, "index", "verify", "--index", index), exitModel, "img_emb_0.npy")
	for _, c := range [][]string{
		{"index", "export", "--index", out}, {"index", "export", "--index", out, "--to", "xml", "--out", "x"}, {"index", "merge", out},
		{"index", "merge", out, "--out", out}, {"index", "ls"}, {"index", "ls", "--index", filepath.Join(out, "none")},
	} {
		says(t, clipgo(t, c...), exitUsage)
	}
}

// TestADatabaseIsSearchedLikeItsFolder syncs an index into PostgreSQL and searches both.
func TestADatabaseIsSearchedLikeItsFolder(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		model, pictures, index := indexOf(t)
		must(t, "index", "sync", "--index", index, "--database", s.URL, "--hnsw")
		query := []string{"search", "--model", model, "--index", index, "--paths", filepath.Join(pictures, "b.png")}
		want := must(t, query...).out
		if got := must(t, append(query, "--database", s.URL)...).out; got != want || want == "" {
			t.Errorf("%q, want %q", got, want)
		}
		says(t, clipgo(t, append(query, "--database", s.URL, "--collection", "none")...), exitUsage, "no collection none")
	})
	says(t, clipgo(t, "index", "sync", "--index", tiny(t)), exitUsage)
}
