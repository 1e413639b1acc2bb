package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/browsertest"
	"clipgo/search/columns"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// first is the name of the first result, once it is one.
const first = `(document.querySelector("#grid .tile img")?.alt || "")`

// shows holds when the results of an address are shown and the first one has a name.
func shows(search, name string) string {
	return fmt.Sprintf(`location.search === %q && !document.querySelector("#grid[aria-busy]") && %s === %q`, search, first, name)
}

const hostile = `<img src=x onerror="document.title='owned'">`

func TestPage(t *testing.T) {
	ctx := browsertest.Start(t, 1280, 900)
	f := newFixture(t)
	white := color.NRGBA{R: 255, G: 255, B: 255, A: 255}
	odd := put(t, f.dir, "odd/x onerror=alert(1) \"'&.png", hostile+" \u202egnp", white, 400)
	odd.Metadata = columns.Values{{Column: longName, Value: hostile}, {Column: "url", Value: "javascript:alert(1)"},
		{Column: "story", Value: strings.Repeat("W", 10<<10)}}
	odd.Text = []float32{1, 0, 0, 0.1}
	fill(t, f.index, odd)
	f.open(t)
	addr, _ := serving(t, f)
	p := tab{t, ctx, "http://" + addr + "/"}
	p.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watchPolicy})
		return err
	}))
	for _, c := range []struct {
		name string
		test func(tab, *fixture)
	}{
		{"words", pageFindsWords}, {"loading", pageKeepsWhatIsTyped},
		{"minus", pageSubtracts}, {"pictures", pageTakesPictures}, {"filters", pageFilters}, {"cut", pageCuts},
		{"scroll and back", pageKeepsItsPlace}, {"keyboard", pageByKeyboard}, {"names", pageShowsNames},
		{"columns", pageShowsColumns}, {"export", pageExports}, {"similar", pageFindsSimilar}, {"captions", pageFindsCaptions},
		{"files", pageFiltersFiles},
		{"phone", pageOnAPhone}, {"dark", pageInTheDark}, {"accessibility", pageIsAccessible},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := tab{t, ctx, p.base}
			at.run(chromedp.Navigate(p.base), visible("#grid .tile"))
			c.test(at, f)
			if wrongs := at.value(`wrongs.join("; ")`); wrongs != "" {
				t.Errorf("violations and errors: %s", wrongs)
			}
		})
	}
}

func pageFindsWords(p tab, _ *fixture) {
	p.wait(first+` === "picture 1" && location.search === "?q=green"`, typed("#text", "green"))
	p.wait(`document.querySelector("#says").textContent.startsWith("60 of 121")`)
	p.wait(first+` === "picture 2"`, chromedp.Navigate(p.base+"?q=blue"))
	p.wait(`document.querySelector("#problem").textContent.includes("no such index; there are colours")`,
		chromedp.Navigate(p.base+"?q=blue&index=none"))
	p.wait(first+` === "picture 4"`, chromedp.Navigate(p.base+"?like=1"))
	p.wait(`document.querySelector("#named-title").textContent.startsWith("1 with")`, chromedp.Navigate(p.base+"?q=red+barn"))
}

func pageSubtracts(p tab, _ *fixture) {
	p.wait(shows("?q=red+red+green", "picture 0"), typed("#text", "red red green"))
	p.wait(`document.querySelectorAll(".chip.minus").length === 1 && `+first+` === "picture 1"`,
		js(`document.querySelector("#text").value = ""`), typed("#text", "-0.5:red"+kb.Enter), typed("#text", "green"))
	p.wait(first+` === "picture 0"`, js(`document.querySelector("#text").value = ""`), typed("#text", "blue"), click(".chip button"),
		js(`(() => { const r = document.querySelector(".chip input"); r.value = 3; r.dispatchEvent(new Event("input")); })()`))
	if got := p.value(`location.search`); got != "?q=blue&q=%2B3%3Ared" {
		p.Errorf("address %v", got)
	}
}

func pageTakesPictures(p tab, f *fixture) {
	file := filepath.Join(p.TempDir(), "green.png")
	if err := os.WriteFile(file, pngOf(p, 10, 10, color.NRGBA{G: 255, A: 255}), 0o644); err != nil {
		p.Fatal(err)
	}
	p.wait(first+` === "picture 1" && document.querySelectorAll(".chip img").length === 1`, upload("#file", file))
	draw := `(async (kind, colour) => {
		const c = document.createElement("canvas"); c.width = c.height = 8;
		const pen = c.getContext("2d"); pen.fillStyle = colour; pen.fillRect(0, 0, 8, 8);
		const data = new DataTransfer();
		data.items.add(new File([await new Promise((done) => c.toBlob(done))], "drawn.png", { type: "image/png" }));
		dispatchEvent(kind === "paste" ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
			: new DragEvent("drop", { dataTransfer: data }));
	})(%q, %q)`
	p.wait(first+` === "picture 2" && document.querySelectorAll(".chip img").length === 1`, chromedp.Navigate(p.base),
		visible("#grid .tile"), js(fmt.Sprintf(draw, "paste", "#00f")))
	p.wait(first+` === "picture 0" && document.querySelectorAll(".chip img").length === 1`, chromedp.Navigate(p.base),
		visible("#grid .tile"), js(fmt.Sprintf(draw, "drop", "#f00")))
	p.wait(`!document.querySelector("#problem").hidden`, upload("#file", filepath.Join(f.index, "meta.json")))
}

func pageFilters(p tab, _ *fixture) {
	p.wait(`document.querySelector("#folder").options.length > 3`, click("#filters-open"))
	p.wait(`document.querySelector("#says").textContent.startsWith("40 of 40")`,
		js(`(() => { const s = document.querySelector("#folder"); s.value = "reds"; s.dispatchEvent(new Event("input")); })()`))
	p.wait(`document.querySelector("#says").textContent.startsWith("10 of 10")`, typed("#words", "R03"))
	p.wait(`document.querySelector("#says").textContent.startsWith("60 of 121")`, click("#filters-clear"))
	p.wait(`document.querySelector("#says").textContent.startsWith("1 of 1")`,
		js(`(() => { const s = document.querySelector("#camera"); s.value = "Canon EOS"; s.dispatchEvent(new Event("input")); })()`))
	p.wait(`document.querySelector("#view-facts").textContent.includes("2019-07-14 12:30:05") &&
		document.querySelector("#view-near").offsetWidth`,
		click("#grid .open"))
	p.wait(`document.querySelector("#near").value === "48.85840, 2.29450, 1" && location.search.includes("near=48.85840")`,
		click("#view-near"))
	p.wait(first+` === "picture 1" && document.querySelector("#camera").options.length === 3`,
		chromedp.Navigate(p.base+"?near=-33.8,151.2,20"))
	p.wait(`document.querySelector("#problem").textContent.includes("latitude")`,
		js(`(() => { const s = document.querySelector("#near"); s.value = "Paris"; s.dispatchEvent(new Event("input")); })()`))
}

func pageCuts(p tab, _ *fixture) {
	p.wait(`document.querySelector("#cut-says").textContent === "all"`, typed("#text", "red"), visible("#cut"))
	p.wait(`document.querySelector("#says").textContent.startsWith("40 of 40")`,
		js(`(() => { const r = document.querySelector("#cut"); r.value = 1; r.dispatchEvent(new Event("input")); })()`))
	if got := p.value(`document.querySelector("#cut-says").textContent`); got != "+1.0 \u03c3: 40" {
		p.Errorf("the slider says %v", got)
	}
}

func pageKeepsItsPlace(p tab, _ *fixture) {
	p.wait(`document.querySelectorAll("#grid .tile").length === 60 && `+first+` === "picture 0"`, chromedp.Navigate(p.base+"?q=red"))
	p.wait(`document.querySelectorAll("#grid .tile").length === 121 && document.querySelector("#end").textContent === "All 121 are shown."`,
		js(`scrollTo(0, document.body.scrollHeight)`))
	p.wait(`history.state?.shown === 121 && Math.abs(history.state.y - 1500) < 2`, js(`scrollTo(0, 1500)`))
	p.wait(`location.search.startsWith("?like=")`, js(`document.querySelectorAll("#grid .tile .row button")[30].click()`))
	p.wait(`document.querySelectorAll("#grid .tile").length === 121 && Math.abs(scrollY - 1500) < 2 && `+first+` === "picture 0"`,
		chromedp.NavigateBack())
	if got := p.value(`document.querySelector("#text").value`); got != "red" {
		p.Errorf("after the way back the field has %v", got)
	}
}

func pageByKeyboard(p tab, _ *fixture) {
	at := `document.activeElement.closest(".tile")?.hit.row`
	p.wait(`document.activeElement.id === "text"`, keys("/"))
	// The slash is typed too: the protocol's keys can't be refused.
	p.wait(shows("?q=red", "picture 0"), js(`document.querySelector("#text").value = ""`), keys("red"))
	p.wait(at+` === 0`, keys(kb.Escape))
	p.wait(at+` === 3`, keys(kb.ArrowRight))
	columns := p.value(`[...document.querySelectorAll("#grid .tile")].findIndex((t, _, all) => t.offsetTop > all[0].offsetTop)`)
	p.wait(fmt.Sprintf(`%s === 3 + 3 * %v`, at, columns), keys(kb.ArrowDown), keys("x"))
	p.wait(`document.querySelectorAll("#grid .tile.chosen").length === 1`)
	p.wait(`document.querySelectorAll("#grid .tile.chosen").length === 3`, keys(kb.ArrowRight), keys(kb.ArrowRight), keys("X"))
	p.wait(`document.querySelector("#viewer").open`, keys(kb.Enter))
	name := p.value(`document.querySelector("#view-name").textContent`)
	p.wait(fmt.Sprintf(`document.querySelector("#view-name").textContent !== %q`, name), keys(kb.ArrowRight))
	p.wait(`!document.querySelector("#viewer").open && document.activeElement.className === "open"`, keys(kb.Escape))
	p.wait(`document.querySelector("#help").open`, keys("?"))
	p.wait(`!document.querySelector("#help").open`, keys(kb.Escape))
	p.wait(`document.querySelectorAll(".chip img").length === 1`, keys("s"))
}

// A name and a caption that look like HTML are shown as they are; marks that turn text around are shown as boxes.
func pageShowsNames(p tab, _ *fixture) {
	p.wait(`document.querySelectorAll("#grid .tile").length === 1`, chromedp.Navigate(p.base+"?text=onerror"))
	got := p.value(`document.querySelector("#grid .name").textContent + " " +
		document.querySelectorAll("#grid img").length + " " + document.title`)
	if got != hostile+" \u25a1gnp 1 clipgo search" {
		p.Errorf("the page shows %v", got)
	}
	p.wait(`document.querySelector("#view-name").textContent.includes("onerror=alert")`, click("#grid .open"))
	p.wait(`document.querySelector("#large").naturalWidth === 20`)
}

func pageExports(p tab, _ *fixture) {
	p.wait(shows("?q=red", "picture 0"), typed("#text", "red"))
	p.run(js(`window.saved = {}; URL.createObjectURL = (b) => { b.text().then((t) => { saved[b.type] = t; }); return "data:,"; };
		document.querySelectorAll("#grid input").forEach((e, i) => i < 2 && e.click())`))
	kinds := map[string]string{"csv": "text/csv", "jsonl": "application/jsonl", "paths": "text/plain", "sheet": "text/html"}
	for kind, mime := range kinds {
		p.wait(fmt.Sprintf("saved[%q]", mime), js(
			fmt.Sprintf(`(() => { const s = document.querySelector("#export"); s.value = %q;
				s.dispatchEvent(new Event("change")); })()`, kind)))
	}
	p.wait(`window.zipped === "PK"`, js(`HTMLAnchorElement.prototype.click = function () {
		fetch(this.href).then((r) => r.arrayBuffer()).then((b) => { window.zipped = String.fromCharCode(...new Uint8Array(b, 0, 2)); }); };
		(() => { const s = document.querySelector("#export"); s.value = "zip"; s.dispatchEvent(new Event("change")); })()`))
	if got := p.value(`saved["text/plain"]`); got != "reds/r000.png\nreds/r001.png\n" {
		p.Errorf("paths: %q", got)
	}
	csv, sheet := p.value(`saved["text/csv"]`), p.value(`saved["text/html"]`)
	if !strings.HasPrefix(csv, "path,score,z,caption,size,modified,hash\r\nreds/r000.png,0.") || strings.Count(csv, "\r\n") != 3 {
		p.Errorf("CSV: %q", csv)
	}
	if strings.Count(sheet, "data:image/jpeg;base64,") != 2 || strings.Contains(sheet, "<script") {
		p.Errorf("sheet: %.300s", sheet)
	}
	var line map[string]any
	second := strings.Split(p.value(`saved["application/jsonl"]`), "\n")[1]
	if err := json.Unmarshal([]byte(second), &line); err != nil || line["path"] != "reds/r001.png" {
		p.Errorf("JSONL: %v, %v", line, err)
	}
}

func pageOnAPhone(p tab, _ *fixture) {
	defer p.run(chromedp.EmulateViewport(1280, 900))
	for _, width := range []int64{320, 390} {
		p.run(chromedp.EmulateViewport(width, 800, chromedp.EmulateMobile), chromedp.Navigate(p.base+"?q=red&q=-0.5:green&folder=reds"),
			visible("#grid .tile"))
		if got := p.value(`document.documentElement.scrollWidth`); got != fmt.Sprint(width) {
			p.Errorf("at %d pixels the page is %v wide", width, got)
		}
		if got := p.value(`new Set([...document.querySelectorAll("#grid .tile")].map((t) => t.offsetLeft)).size`); got != "2" {
			p.Errorf("at %d pixels there are %v columns", width, got)
		}
	}
}

func pageInTheDark(p tab, _ *fixture) {
	back := `getComputedStyle(document.body).backgroundColor`
	prefer := func(scheme string) step {
		return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
			return err
		})
	}
	defer p.run(prefer("light"), js(`localStorage.clear()`))
	p.wait(back+` === "rgb(251, 251, 250)"`, prefer("light"))
	p.wait(back+` === "rgb(22, 22, 23)"`, prefer("dark"))
	p.wait(back+` === "rgb(251, 251, 250)"`, click("#theme"))
	p.wait(back+` === "rgb(251, 251, 250)"`, chromedp.Reload(), visible("#grid .tile"))
}

// CLIPGO_AXE names axe.min.js of the npm package axe-core, which checks what can be checked of accessibility.
func pageIsAccessible(p tab, _ *fixture) {
	script, err := os.ReadFile(os.Getenv("CLIPGO_AXE"))
	if err != nil {
		p.Skip("CLIPGO_AXE doesn't name axe.min.js of axe-core")
	}
	check := func(what string) { p.Helper(); p.isAccessible(string(script), what) }
	p.wait(first+` === "picture 1"`, chromedp.Navigate(p.base+"?q=green&q=-0.5:red&folder=greens"))
	check("results")
	p.wait(`document.querySelector("#viewer").open`, click("#grid .open"))
	check("large view")
	p.run(js(`document.documentElement.dataset.theme = "dark"`))
	check("large view, dark")
	p.run(click("#view-close"))
	check("results, dark")
	p.wait(`document.querySelector("#help").open`, click("#help-open"))
	check("help")
}
