package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"clipgo/curation"
	"clipgo/internal/browsertest"

	"github.com/chromedp/chromedp"
)

func slide(threshold float64) step {
	return js(fmt.Sprintf(`(() => { const s = document.querySelector("#threshold"); s.value = %v;
		s.dispatchEvent(new Event("input")); s.dispatchEvent(new Event("change")); })()`, threshold))
}

// TestDuplicatesPage opens the duplicates of an index that was served without a list.
func TestDuplicatesPage(t *testing.T) {
	ctx := browsertest.Start(t, 1280, 900)
	file := filepath.Join(t.TempDir(), "colours.duplicates.csv")
	f := alike(t, file)
	addr, _ := serving(t, f)
	p := tab{t, ctx, "http://" + addr + "/"}
	const groups, says = `document.querySelectorAll(".group").length`, `document.querySelector("#threshold-says").textContent`
	p.wait(`!document.querySelector("#duplicates").hidden`, chromedp.Navigate(p.base), visible("#grid .tile"))
	p.wait(groups+` === 1 && `+says+` === "0.960: one group, 2 pictures"`, click("#duplicates"))
	p.wait(groups+` === 2 && `+says+` === "0.900: 2 groups, 4 pictures"`, slide(0.9))
	p.wait(decidedGroups+` === 1`, click(".group:first-child .actions button"))
	p.wait(`document.querySelector("#says").textContent.includes("1 of 2 groups decided") &&
		document.querySelector("#says").textContent.includes("colours.duplicates.csv")`)
	shown := p.value(`document.querySelector(".group .dropped .name").textContent`)
	rows, err := curation.ReadFile(file)
	if err != nil || len(rows) != 6 {
		t.Fatalf("%v, %v", rows, err)
	}
	for _, d := range rows {
		if d.Keep != (filepath.Base(d.Path) != shown) {
			t.Errorf("on disk: %+v; the page drops %s", d, shown)
		}
	}
	p.wait(groups+` === 1 && document.querySelector(".group .name").textContent.startsWith("blue")`, click("#same"))
	p.wait(groups+` === 1 && document.querySelector("#same").checked`, chromedp.Reload(), visible(".group .keep"))
	for _, width := range []int64{320, 390} {
		p.run(chromedp.EmulateViewport(width, 800, chromedp.EmulateMobile), chromedp.Reload(), visible(".group .keep"))
		if got := p.value(`document.documentElement.scrollWidth`); got != fmt.Sprint(width) {
			t.Errorf("at %d pixels the page is %v wide", width, got)
		}
	}
	if script, err := os.ReadFile(os.Getenv("CLIPGO_AXE")); err == nil {
		p.isAccessible(string(script), "duplicates")
	}
}
