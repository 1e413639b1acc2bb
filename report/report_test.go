package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"clipgo/eval"
	"clipgo/training/record"
)

// sample is a run with everything that a page can show, spikes and gaps included.
func sample(t testing.TB) Run {
	r := rand.New(rand.NewPCG(1, 2))
	run := Run{
		Title: "emoji on two cores", Subtitle: "clip-tiny, builtin:emoji, 1,411 pictures, f32, seed 0", BatchSize: 128,
		Findings: []record.Finding{
			{Kind: record.Good, Text: "The loss ended at 0.61, far below chance, ln(128) = 4.85."},
			{Kind: record.Warning, Text: "The logit scale was at its clamp (100) for the last 310 steps."},
			{Kind: record.Note, Text: "41 captions occurred more than once in a batch; they count as negatives of each other."},
		},
	}
	for step := 10; step <= 3000; step += 10 {
		x := float64(step) / 3000
		row := record.Row{Step: step, Samples: int64(step) * 128,
			Loss:  record.Number(4.9*math.Exp(-3.2*x) + 0.4 + 0.25*r.NormFloat64()*(1-x)),
			Scale: record.Number(min(100, 14.3*math.Exp(2.6*x))),
			LR:    1e-3 * min(x/0.05, 0.5+0.5*math.Cos(math.Pi*x)), GradNorm: record.Number(1 + 2*(1-x) + r.ExpFloat64()*0.4),
			Pairs: 640 + 20*r.NormFloat64()}
		if step == 1200 {
			row.Loss, row.GradNorm = record.Number(math.NaN()), record.Number(math.Inf(1))
		}
		run.Rows = append(run.Rows, row)
	}
	for step := 500; step <= 3000; step += 500 {
		x := float64(step) / 3000
		run.Evaluations = append(run.Evaluations,
			Evaluation{step, []eval.Value{{Name: "zero-shot top-1", Group: "Zero-shot", Value: 0.85 * math.Sqrt(x), Chance: 0.0007},
				{Name: "image retrieval R@1", Group: "Retrieval", Value: 0.62 * x},
				{Name: "perplexity", Value: 40 - 30*x, Unit: eval.Perplexity},
				{Name: "text retrieval R@5", Group: "Retrieval", Value: 0.9 * math.Pow(x, 0.3)}}})
	}
	for i, caption := range []string{"red heart", "a <b>bold</b> caption & more", "slice of pizza", "grinning face with very long " +
		"words in its name so that it has to wrap somewhere"} {
		e := Example{Caption: caption}
		for k := range 5 {
			e.Hits = append(e.Hits, Hit{thumbnail(t, uint8(60*i), uint8(50*k)), fmt.Sprintf("picture number %d of them", k),
				0.41 - 0.05*float64(k), []Verdict{Right, Wrong, Wrong, Unjudged, Wrong}[(i+k)%5]})
		}
		run.Examples = append(run.Examples, e)
	}
	for _, s := range []string{"model=clip-tiny", "train-data=builtin:emoji", "batch-size=128", "lr=0.001", "wd=0.1", "warmup=150",
		"precision=fp32", "aug-cfg={\"scale\":[0.6,1],\"color_jitter\":[0.2,0.2,0.2,0.1]}"} {
		name, value, _ := strings.Cut(s, "=")
		run.Settings = append(run.Settings, Setting{name, value})
	}
	run.Anatomy = &Anatomy{Step: 3000, Anatomy: eval.Anatomy{
		Pairs: 1411, Candidates: 64, Alignment: 0.31, ImageUniformity: -2.4, TextUniformity: -2.9, ModalityGap: 0.2, Separated: 0.75,
		Calibration: eval.Calibration{Error: 0.083, Confidence: 0.78, Accuracy: 0.86,
			Bins: []eval.Bin{{}, {N: 40, Confidence: 0.5, Accuracy: 0.4}, {N: 1200, Confidence: 0.9, Accuracy: 0.95}}},
		ImageAttention: [][]float64{{0.9, 0.4}, {0.7, 0}}, TextAttention: [][]float64{{1, 0.25, 0.5}},
	}}
	return run
}

func thumbnail(t testing.TB, r, g uint8) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		x, y := float64(i%64)-32, float64(i/64)-32
		img.Set(i%64, i/64, color.White)
		if x*x+y*y < 700 {
			img.Set(i%64, i/64, color.RGBA{255 - r, 80 + g/2, r, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func page(t testing.TB, run Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// With CLIPGO_REPORT=FILE the page is also written there, to be looked at.
func TestPageIsOneSelfContainedFile(t *testing.T) {
	html := page(t, sample(t))
	if path := os.Getenv("CLIPGO_REPORT"); path != "" {
		if err := os.WriteFile(path, []byte(html), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []string{"<script", "http:", "https:", "<link", "@import", "url(", "NaN", "Inf", "<b>bold", "ZgotmplZ", "%!",
		">-0", "perplexity"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	for _, want := range []string{"chance, ln(batch)", "clamp", "a &lt;b&gt;bold", "data:image/png;base64,",
		"prefers-color-scheme: dark", "<title id=\"t0\">Loss</title>", "zero-shot top-1", "384,000 samples", "3,000"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// Each SVG must be well-formed XML, and each curve must stay inside its frame.
func TestCurvesStayInTheFrame(t *testing.T) {
	run := sample(t)
	run.Anatomy = nil // its chart is of another kind
	html := page(t, run)
	svgs := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(html, -1)
	if len(svgs) != 7 {
		t.Fatalf("%d charts", len(svgs))
	}
	for _, svg := range svgs {
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if el, ok := token.(xml.StartElement); ok && el.Name.Local == "path" {
				inFrame(t, el)
			}
		}
	}
}

func inFrame(t *testing.T, el xml.StartElement) {
	t.Helper()
	for _, a := range el.Attr {
		if a.Name.Local != "d" {
			continue
		}
		for _, pair := range regexp.MustCompile(`[ML]([-\d.]+) ([-\d.]+)`).FindAllStringSubmatch(a.Value, -1) {
			var x, y float64
			_, _ = fmt.Sscan(pair[1], &x)
			_, _ = fmt.Sscan(pair[2], &y)
			if x < left || x > chartWidth-right || y < top-0.1 || y > chartHeight-bottom+0.1 {
				t.Errorf("point %v outside the frame", pair[0])
			}
		}
	}
}

func TestAnEmptyOrOddRunStillHasAPage(t *testing.T) {
	page(t, Run{})
	one := []record.Row{{Step: 1, Loss: record.Number(math.NaN()), Scale: 14, LR: 0}}
	html := page(t, Run{Title: "x", Rows: one, Examples: []Example{{Caption: "c", Hits: []Hit{{Thumbnail: []byte("<svg onload=x>")}}}}})
	if strings.Contains(html, "onload") || strings.Contains(html, ">Loss<") || !strings.Contains(html, ">Logit scale<") {
		t.Error("a page of one row shows what it shouldn't, or not what it should")
	}
}

func TestThePageSaysTheSmoothedLossAndWhatACurveIs(t *testing.T) {
	var b bytes.Buffer
	run := Run{
		Rows: []record.Row{{Step: 10, Loss: 3.5}, {Step: 20, Loss: 2.5}}, Loss: 2.987,
		About:       map[string]string{"Zero-shot": "among 1411 classes"},
		Evaluations: []Evaluation{{Step: 20, Values: []eval.Value{{Name: "top1", Group: "Zero-shot", Value: 0.052}}}},
	}
	if err := Write(&b, run); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<dt>loss, last 20 steps</dt><dd>2.987</dd>", "among 1411 classes", "5.20 %"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestSpikesSurviveThinning(t *testing.T) {
	points := make([]point, 10_000)
	for i := range points {
		points[i] = point{float64(i), 1}
	}
	points[5003].y, points[7001].y = 50, -50
	out := thin(points)
	if len(out) > mostPoints+1 || !slices.Contains(out, points[5003]) || !slices.Contains(out, points[7001]) ||
		out[len(out)-1] != points[9999] {
		t.Errorf("%d points of 10000", len(out))
	}
}

func TestNumbersAreShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.0005: "5e-4", 0.0123: "0.012", 4.8520: "4.852", 3.02: "3.020", 9.9996: "10.0",
		29.553: "29.6", 99.96: "100", 1234: "1,234", 12345: "12.3k", 2.5e6: "2.5M", math.NaN(): "not finite"} {
		if got := short(v); got != want && !math.IsNaN(v) {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0.00 %", 0.0007: "0.07 %", 0.052: "5.20 %", 0.132: "13.20 %", 1: "100.00 %"} {
		if got := percent(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	for v, want := range map[float64]string{0.5: "0.5", 20: "20", 0.25: "0.25", 12.25: "12.25"} {
		if got := (&chart{}).tickText(v); got != want {
			t.Errorf("a tick at %v: %s, want %s", v, got, want)
		}
	}
	if got := Grouped(-1234567); got != "-1,234,567" {
		t.Error(got)
	}
}

// The numbers of an objective are drawn as its curves say, whatever their names are. A number that a line lacks, or has as null, is a
// gap; one without a curve is not drawn, and neither is a curve without numbers.
func TestThePageDrawsTheNumbersThatAreDescribed(t *testing.T) {
	rows, err := record.ReadRows(strings.NewReader(
		`{"step":10,"loss":9,"scale":1,"lr":0,"contrast":4,"words":10,"right":0.1,"other_loss":1,"other_accuracy":1}` + "\n" +
			`{"step":20,"loss":8,"scale":1,"lr":0,"contrast":3,"words":null,"right":0.2,"other_loss":1,"other_accuracy":1}` + "\n"))
	if err != nil || len(rows) != 2 || len(rows[0].Extra) != 5 || len(rows[1].Extra) != 4 {
		t.Fatalf("%+v, %v", rows, err)
	}
	curves := []record.Curve{
		{Key: "right", Chart: "Hits", About: "Of all words.", Fraction: true},
		{Key: "contrast", Chart: "Terms", About: "Before their weights."},
		{Key: "words", Chart: "Terms", About: "Not the first one of its chart."},
		{Key: "none", Chart: "Nothing", About: "Without numbers."},
	}
	drawn := parts(Run{Rows: rows, Curves: curves})
	if len(drawn) != 3 || drawn[0].Name != "Hits" || !drawn[0].fraction || drawn[1].About != "Before their weights." || drawn[1].fraction {
		t.Fatalf("%+v", drawn)
	}
	if l := drawn[1].lines; len(l) != 2 || l[0].Name != "contrast" || len(l[0].points) != 2 || len(l[1].points) != 1 {
		t.Errorf("%+v", l)
	}
	with := page(t, Run{Title: "t", Rows: rows, Curves: curves})
	for what, want := range map[string]bool{"Hits": true, "Of all words.": true, "Terms": true, "contrast": true, "words": true,
		"Nothing": false, "other_loss": false, "other_accuracy": false, "Not the first": false} {
		if strings.Contains(with, what) != want {
			t.Errorf("%q on the page: %v", what, !want)
		}
	}
}

// A number that is no fraction has a chart if it has a group, and a tile in its own unit.
func TestOtherNumbersThanFractionsAreDrawn(t *testing.T) {
	run := Run{Evaluations: []Evaluation{{1, []eval.Value{{Name: "x/perplexity", Group: "x, perplexity", Value: 250, Unit: eval.Perplexity},
		{Name: "plain", Value: 3, Unit: eval.Perplexity}, {Name: "broken", Group: "x", Value: math.NaN()}}}}}
	v := view(run)
	if len(v.Charts) != 1 || v.Charts[0].Name != "x, perplexity" || v.Charts[0].fraction || v.Tiles[0].Value != "250" {
		t.Errorf("%d charts, tiles %+v", len(v.Charts), v.Tiles)
	}
	if err := Write(io.Discard, run); err != nil {
		t.Error(err)
	}
}

func TestTheNetworkIsShownByItsNumbers(t *testing.T) {
	with := page(t, sample(t))
	for _, want := range []string{
		"After step 3,000, on 1,411 pairs", "<dd>0.310</dd>", "<dd>-2.400</dd>", "<dd>8.30 %</dd>",
		"mean confidence is 78.00 %, its accuracy 86.00 %.",
		`<rect x="33.3" y="60" width="32.3" height="40"><title>40 answers, confidence 50.00 %, accuracy 40.00 %</title>`,
		`<td style="--heat: 50%">0.90</td>`, `<td style="--heat: 0%">0.00</td>`, "head 2",
	} {
		if !strings.Contains(with, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	run := sample(t)
	run.Anatomy = nil
	if strings.Contains(page(t, run), "Embedding diagnostics") {
		t.Error("without an anatomy the section is there")
	}
}
