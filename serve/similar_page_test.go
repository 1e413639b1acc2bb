package serve

import (
	"fmt"

	"github.com/chromedp/chromedp"
)

// Pictures that are like several results are found: the query has each of them, and none is a hit.
func pageFindsSimilar(p tab, _ *fixture) {
	p.wait(shows("?q=red", "picture 0"), chromedp.Navigate(p.base+"?q=red"))
	p.wait(`document.querySelectorAll("#grid .tile.chosen").length === 2`,
		js(`[0, 2].forEach((i) => document.querySelectorAll("#grid .tile input[type=checkbox]")[i].click())`))
	p.wait(`document.querySelectorAll(".chip img").length === 2 && !document.querySelector("#grid[aria-busy]")`, click("#similar-all"))
	p.wait(first + ` === "picture 3"`)
	if got := p.value(`new URLSearchParams(location.search).getAll("like").length`); got != "2" {
		p.Errorf("the address has %s pictures", got)
	}
}

// Captions are searched in their place, and the address says so.
func pageFindsCaptions(p tab, _ *fixture) {
	p.wait(`document.querySelectorAll("#grid .tile").length === 60`, chromedp.Navigate(p.base+"?q=red"))
	p.wait(`document.querySelectorAll("#grid .tile").length === 1 && location.search.includes("in=captions")`,
		js(`(() => { const s = document.querySelector("#in"); s.value = "captions"; s.dispatchEvent(new Event("change")); })()`))
	p.wait(`document.querySelectorAll("#grid .tile").length === 60`, chromedp.NavigateBack())
}

// Files are found by date and size. The time zone decides whether the first of the two days counts.
func pageFiltersFiles(p tab, _ *fixture) {
	set := func(id, value string) step {
		return js(fmt.Sprintf(`(() => { const s = document.querySelector("#%s"); s.value = %q; s.dispatchEvent(new Event("input")); })()`,
			id, value))
	}
	p.wait(`document.querySelector("#after").offsetWidth`, click("#filters-open"))
	p.wait(`/^(4|8) of \1\b/.test(document.querySelector("#says").textContent)`, set("after", "2024-01-30"))
	p.wait(`document.querySelectorAll("#grid .tile").length === 0 && !document.querySelector("#grid[aria-busy]")`, set("min_size", "1"))
	p.wait(`document.querySelector("#says").textContent.startsWith("60 of 121")`, click("#filters-clear"))
}
