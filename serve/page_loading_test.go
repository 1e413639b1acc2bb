package serve

import (
	"fmt"

	"github.com/chromedp/chromedp"
)

// watchPolicy counts violations of the content policy, and errors of scripts.
const watchPolicy = `window.wrongs = [];
addEventListener("securitypolicyviolation", (e) => wrongs.push(e.violatedDirective + " " + e.blockedURI));
addEventListener("error", (e) => e.message && wrongs.push(e.message));
addEventListener("unhandledrejection", (e) => wrongs.push(String(e.reason)));
window.moved = 0; // the sum of layout shifts since there are results
let shown = Infinity;
new PerformanceObserver((list) => { for (const m of list.getEntries()) if (m.startTime > shown) moved += m.value; })
	.observe({ type: "layout-shift", buffered: true });
addEventListener("DOMContentLoaded", () => new MutationObserver(() => { shown = Math.min(shown, performance.now()); })
	.observe(document.querySelector("#grid") || document.body, { childList: true }));
window.asked = []; // paths
window.held = []; window.hold = location.hash === "#held"; // what the page loads first waits
{
  const fetched = window.fetch;
  window.fetch = async (path, how) => {
    asked.push(path);
    if (hold && /api\/(indexes|folders|facets)/.test(path)) await new Promise((go) => held.push(go));
    return fetched(path, how);
  };
}`

// What is typed while the page still loads stays, and is searched for. Results don't wait for the filters, unless these are shown.
func pageKeepsWhatIsTyped(p tab, _ *fixture) {
	set := `((id, value) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event("input")); })(%q, %q)`
	typedHeld := func(address string) {
		p.wait(`window.held?.length > 0 && document.querySelector("#text").value === "blue"`, chromedp.Navigate(p.base+address+"#held"))
		p.run(js(fmt.Sprintf(set, "text", "green")))
	}
	typedHeld("?q=blue")
	p.wait(shows("?q=green", "picture 1")+` && held.length > 0`, js(`held.shift()()`))
	typedHeld("?q=blue&folder=greens")
	p.wait(`held.length === 2 && !document.querySelector("#filters").hidden`, js(`held.shift()()`)) // folders and facets
	p.run(js(fmt.Sprintf(set, "words", "g03")), js(fmt.Sprintf(set, "folder", "")))
	if got := p.value(`asked.filter((path) => path.startsWith("api/search"))`); got != "" {
		p.Errorf("before the filters are known, whose place moves the results, the page asks for %v", got)
	}
	p.run(js(`held.forEach((go) => go()); window.hold = false`))
	p.wait(shows("?q=green&text=g03", "picture 91") + ` && document.querySelector("#folder").options.length > 3`)
	p.wait(`document.querySelector("#words").value === "g03" && document.querySelector("#text").value === "green"`)
	p.wait(shows("?q=green&text=g03", "picture 91")+` && !document.querySelector("[aria-busy]")`, chromedp.Reload())
	if got := p.value(`moved > 0.1 ? moved : ""`); got != "" { // from 0.1 on a shift of the layout is felt
		p.Errorf("with results in it the page moves by %v", got)
	}
}
