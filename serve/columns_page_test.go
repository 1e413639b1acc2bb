package serve

import (
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
)

// longName is the name of a column that is wider than the large view.
var longName = strings.Repeat("long name ", 20) + strings.Repeat("x", 50)

// Further columns are in the large view, as text, and don't make it wider or push its buttons out of reach.
func pageShowsColumns(p tab, _ *fixture) {
	defer p.run(chromedp.EmulateViewport(1280, 900))
	for _, width := range []int64{320, 1280} {
		p.run(chromedp.EmulateViewport(width, 700))
		p.wait(`document.querySelectorAll("#grid .tile").length === 1`, chromedp.Navigate(p.base+"?text=onerror"))
		p.wait(`document.querySelector("#viewer").open`, click("#grid .open"))
		if got := p.value(`document.activeElement.nodeName`); got != "BUTTON" {
			p.Errorf("the focus is on a %s", got)
		}
		row := `(name) => [...document.querySelectorAll("#view-facts dt")].find((e) => e.textContent === name)?.nextSibling`
		got := p.value(fmt.Sprintf(`[%q, "url", "story"].map(%s).map((e) => e?.children.length + e?.textContent.slice(0, 60)).join()`,
			longName, row))
		if got != "0"+hostile+",0javascript:alert(1),0"+strings.Repeat("W", 60) {
			p.Errorf("the large view shows %s", got)
		}
		sizes := p.value(`((a) => [a.scrollWidth <= a.clientWidth, a.scrollHeight < 1200,
			document.querySelectorAll("#view-facts [tabindex='0']").length])(document.querySelector(".about"))`)
		if sizes != "true,true,1" {
			p.Errorf("at %d pixels: no wider than the view, not high, tab stops: %s", width, sizes)
		}
	}
}
