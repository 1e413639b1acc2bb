package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ppoRun is the command line of a short tuning against a reward; more comes behind it.
func ppoRun(captioner, out string, more ...string) []string {
	return append([]string{"align", "ppo", "--model", captioner, "--reward", "clip", "--train-data", "builtin:shapes?n=400",
		"--val-data", "builtin:shapes?split=val&n=60", "--out", out, "--batch-size", "32", "--steps", "40", "--lr", "0.003",
		"--kl-limit", "2", "--max-length", "8", "--precision", "fp32",
		"--val-frequency", "0", "--log-frequency", "1"}, more...)
}

type ppoResult struct {
	Reward, KL      float64
	KLBefore        float64 `json:"kl_before"`
	RewardBefore    float64 `json:"reward_before"`
	WinRate         float64 `json:"win_rate"`
	ClipReward      float64 `json:"clip_reward"`
	ClipBefore      float64 `json:"clip_reward_before"`
	DeviationBefore float64 `json:"clip_reward_std_before"`
	Recall          float64 `json:"caption_retrieval_recall@1"`
	RecallBefore    float64 `json:"caption_retrieval_recall@1_before"`
	Judge           string
}

// newCaptioner trains a small captioner for a moment.
func newCaptioner(t *testing.T) string {
	t.Helper()
	run := filepath.Join(t.TempDir(), "captioner")
	must(t, captionRun(tinyCaptioner(t), run, "--steps", "80", "--lr", "0.01", "--batch-size", "16")...)
	return run
}

// TestATunedCaptionerEarnsMore also stops a run within a round, and lets another model judge.
func TestATunedCaptionerEarnsMore(t *testing.T) {
	captioner, dir := newCaptioner(t), t.TempDir()
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	r := decodeJSON[ppoResult](t, must(t, ppoRun(captioner, whole, "--judge", captioner, "--json")...))
	if r.Reward < 0.2 || r.WinRate < 0.52 || r.KLBefore != 0 || r.KL <= 0 || r.RewardBefore > 1e-9 || r.RewardBefore < -1e-9 ||
		r.Judge != captioner {
		t.Errorf("%+v", r)
	}
	if up := (r.ClipReward - r.ClipBefore) / r.DeviationBefore; up < r.Reward-1e-6 || up > r.Reward+1e-6 { // the definition of its units
		t.Errorf("the reward went up by %g deviations, but %g is reported", up, r.Reward)
	}
	page := string(read(t, whole, reportFile))
	for _, want := range []string{"Captions and their rewards", "untuned", "rollout 10", "Wins over the original captioner",
		"Explained variance"} {
		if !strings.Contains(page, want) {
			t.Errorf("the report has no %q", want)
		}
	}
	if tile := regexp.MustCompile(`<dt>loss[^<]*</dt><dd>[^<]*</dd><dd class="note">[^<]*`).FindString(page); tile != "" {
		t.Errorf("a policy-gradient loss has no level of guessing: %s", tile)
	}
	line := string(bytes.SplitN(read(t, whole, metricsFile), []byte("\n"), 2)[0])
	for _, want := range []string{`"reward_mean"`, `"reward_std"`, `"kl":0`, `"entropy"`, `"clip_fraction":0`, `"value_loss"`,
		`"explained_variance"`, `"empty_captions"`, `"step_kl":0`} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	must(t, "caption", "--model", whole, "builtin:shapes?split=val&n=2") // a model as any other
	short := filepath.Join(dir, "short")
	must(t, ppoRun(captioner, short, "--steps", "12")...)
	must(t, ppoRun(captioner, parts, "--steps", "12", "--stop-after", "6")...) // of rounds of four
	must(t, "align", "ppo", "--resume", "latest", "--out", parts)
	sameRun(t, parts, short)
	for _, name := range []string{ppoFile, headsFile} {
		if !bytes.Equal(read(t, newest(t, parts), name), read(t, newest(t, short), name)) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestPPOIsRefusedInOneLine(t *testing.T) {
	plain, captioner := tiny(t), tinyCaptioner(t)
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no decoder", ppoRun(plain, "r"), exitUsage, "no decoder"},
		{"no reward", []string{"align", "ppo", "--model", captioner, "--train-data", "builtin:shapes?n=40", "--out", "r"}, exitUsage,
			"align.reward: missing"},
		{"an unknown reward", ppoRun(captioner, "r", "--reward", "luck"), exitUsage, `"luck"`},
		{"no reward model", ppoRun(captioner, "r", "--reward", "preference"), exitUsage, "align.reward_model: missing"},
		{"a reward of random weights", ppoRun(captioner, "r", "--reward", "both", "--reward-model", plain), exitModel, "no weights"},
		{"no limit", ppoRun(captioner, "r", "--kl-limit", "0"), exitUsage, "kl_limit"},
		{"a constant reward", ppoRun(captioner, "r", "--val-data", "builtin:shapes?n=1"), exitData, "nothing to learn"},
	} {
		c.args = append(c.args, "--out", filepath.Join(t.TempDir(), "run"))
		r := clipgo(t, c.args...)
		last := r.err[strings.LastIndex(strings.TrimSuffix(r.err, "\n"), "\n")+1:]
		if r.code != c.code || !strings.Contains(last, c.want) {
			t.Errorf("%s: exit %d, %s", c.name, r.code, r.err)
		}
	}
}
