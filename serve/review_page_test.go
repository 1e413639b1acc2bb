package serve

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"clipgo/curation"
	"clipgo/curation/review"
	"clipgo/internal/browsertest"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestReviewPage(t *testing.T) {
	ctx := browsertest.Start(t, 1280, 900)
	f, file := reviewed(t)
	addr, _ := serving(t, f)
	p := tab{t, ctx, "http://" + addr + "/"}
	p.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watchPolicy})
		return err
	}))
	p.wait(`!document.querySelector("#review").hidden`, chromedp.Navigate(p.base), visible("#grid .tile"))
	for _, c := range []struct {
		name string
		test func(tab, string)
	}{
		{"decisions", reviewDecides}, {"keyboard", reviewByKeyboard}, {"other reviewer", reviewMeetsAnother},
		{"missing picture", reviewShowsWhatIsGone},
		{"group names", reviewNamesGroups}, {"phone", reviewOnAPhone}, {"accessibility", reviewIsAccessible},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := tab{t, ctx, p.base + "review"}
			at.run(chromedp.Navigate(at.base), visible(".group .keep"))
			c.test(at, file)
			if wrongs := at.value(`wrongs.join("; ")`); wrongs != "" {
				t.Errorf("violations and errors: %s", wrongs)
			}
		})
	}
}

// decisions are the rows of a group on disk: which of them stay.
func decisions(p tab, file string, group int) (out []bool) {
	p.Helper()
	rows, err := curation.ReadFile(review.Out(file))
	if err != nil {
		p.Fatal(err)
	}
	for _, d := range rows {
		if d.Group == group {
			out = append(out, d.Keep)
		}
	}
	return out
}

func reviewNamesGroups(p tab, _ string) {
	p.wait(`document.querySelector("h2")?.textContent.startsWith("Group 1 (beach, sea): 2")`, chromedp.Navigate(p.base+"?name=places"))
}

const decidedGroups = `document.querySelectorAll(".group.decided").length`

func reviewDecides(p tab, file string) {
	p.wait(decidedGroups+` === 1`, click(".group .tile:nth-child(2) .keep"))
	if got := decisions(p, file, 1); !slices.Equal(got, []bool{true, true, false}) {
		p.Errorf("on disk: %v", got)
	}
	p.wait(`document.querySelector("#says").textContent.startsWith("1 of 25 groups decided.")`)
	p.wait(`document.querySelector("h2")?.textContent.startsWith("Group 2:") &&
		(scrollTo(0, document.body.scrollHeight), document.querySelectorAll(".group img").length === 72)`, chromedp.Reload())
	p.wait(decidedGroups+` === 1 && document.querySelectorAll(".dropped").length > 30`, click("#open"))
	p.wait(decidedGroups+` === 0`, click(".group.decided .actions button:last-child"))
	if got := decisions(p, file, 1); !slices.Equal(got, []bool{true, false, false}) {
		p.Errorf("taken back: %v", got)
	}
}

func reviewByKeyboard(p tab, file string) {
	at := `document.activeElement.closest(".group")?.querySelector("h2").textContent.split(":")[0]`
	p.wait(at+` === "Group 2"`, keys(kb.ArrowDown))
	p.wait(`document.activeElement.closest(".tile:nth-child(3)")`, keys(kb.ArrowRight), keys(kb.ArrowRight))
	p.wait(`document.activeElement.dataset.stays === "true" && `+decidedGroups+` === 1`, keys("x"))
	p.wait(at+` === "Group 3"`, keys("c"))
	p.wait(at+` === "Group 4" && `+decidedGroups+` === 2`, keys("a"))
	for group, want := range map[int][]bool{2: {true, false, true}, 3: {true, true, true}} {
		if got := decisions(p, file, group); !slices.Equal(got, want) {
			p.Errorf("group %d: %v", group, got)
		}
	}
	p.wait(decidedGroups+` === 1`, keys(kb.ArrowUp), keys("u"))
	p.wait(`document.querySelector("#viewer").open && document.querySelector("#large").naturalWidth === 20`, keys("z"))
	p.wait(`document.querySelector("#view-name").textContent === "greens/g002.png"`, keys(kb.ArrowRight))
	p.wait(`document.querySelector("#view-keep").dataset.stays === "true"`, keys("x"))
	p.wait(`!document.querySelector("#viewer").open && document.activeElement.className === "keep"`, keys(kb.Escape))
	p.wait(`document.querySelector("#help").open`, keys("?"))
	p.wait(`!document.querySelector("#help").open`, keys(kb.Escape))
}

// Another reviewer decides about the sixth group after the page was loaded: that decision stays, and is shown.
func reviewMeetsAnother(p tab, file string) {
	const other = `fetch("api/review", { method: "POST",
		body: JSON.stringify({ name: "keep", group: 5, version: 0, stay: [false, false, true] }) })`
	third := `.group:has(#group-5) .tile:nth-child(3)`
	p.wait(`window.posted`, visible("#group-5"), js(other+`.then((r) => { window.posted = r.ok; })`))
	p.wait(fmt.Sprintf(`document.querySelector("#problem").textContent.includes("decided about this group") &&
		!document.querySelector(%q).matches(".dropped")`, third),
		js(`document.querySelector(".group:has(#group-5) .actions button").click()`))
	if got := decisions(p, file, 6); !slices.Equal(got, []bool{false, false, true}) {
		p.Errorf("on disk: %v", got)
	}
}

func reviewShowsWhatIsGone(p tab, _ string) {
	p.wait(`document.querySelector(".gone")?.textContent === "no longer in the index" &&
		document.querySelector(".name").textContent === "gone.png"`,
		js(`(() => { const s = document.querySelector("#list"); s.selectedIndex = 1; s.dispatchEvent(new Event("change")); })()`))
	p.wait(decidedGroups+` === 1`, click(".group .actions button"))
}

func reviewOnAPhone(p tab, _ string) {
	defer p.run(chromedp.EmulateViewport(1280, 900))
	for _, width := range []int64{320, 390} {
		p.run(chromedp.EmulateViewport(width, 800, chromedp.EmulateMobile), chromedp.Navigate(p.base), visible(".group .keep"))
		if got := p.value(`document.documentElement.scrollWidth`); got != fmt.Sprint(width) {
			p.Errorf("at %d pixels the page is %v wide", width, got)
		}
	}
}

func reviewIsAccessible(p tab, _ string) {
	script, err := os.ReadFile(os.Getenv("CLIPGO_AXE"))
	if err != nil {
		p.Skip("CLIPGO_AXE doesn't name axe.min.js of axe-core")
	}
	p.wait(decidedGroups+` === 1`, click(".group .tile:nth-child(2) .keep"))
	for _, theme := range []string{"light", "dark"} {
		p.run(js(`document.documentElement.dataset.theme = "` + theme + `"`))
		p.isAccessible(string(script), "groups, "+theme)
	}
	p.wait(`document.querySelector("#viewer").open`, click(".group .open"))
	p.isAccessible(string(script), "large view")
}
