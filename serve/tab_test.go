package serve

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// step is an action of the browser.
type step = chromedp.Action[chromedp.Void]

func js(expression string) step     { return chromedp.Evaluate[chromedp.Void](expression) }
func keys(text string) step         { return chromedp.KeyEvent(text) }
func visible(selector string) step  { return chromedp.WaitVisible(chromedp.CSS(selector)) }
func typed(selector, t string) step { return chromedp.SendKeys(chromedp.CSS(selector), t) }

// still resolves once an element lies in the same place, in sight and under nothing, for two frames: a place found while the page is being
// laid out is another one when the mouse comes. After a while it gives up, so that the click says what is wrong.
const still = `(async (selector) => {
	const frame = () => new Promise((next) => requestAnimationFrame(next));
	for (let before = "", frames = 0; frames < 600; frames++) {
		const one = document.querySelector(selector);
		one?.scrollIntoView({ block: "center", behavior: "instant" });
		await frame();
		const at = one?.getBoundingClientRect();
		const now = at && [at.x, at.y, at.width, at.height].join();
		if (now === before && one.contains(document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2))) return;
		before = now;
	}
})(%q)`

// click waits for what the page still loads and for the element to lie still.
func click(selector string) step {
	return chromedp.Steps(chromedp.WaitNotPresent(chromedp.CSS("[aria-busy=true]")), visible(selector),
		chromedp.Evaluate[chromedp.Void](fmt.Sprintf(still, selector), chromedp.EvalAwaitPromise), chromedp.Click(chromedp.CSS(selector)))
}

func upload(selector, f string) step {
	return chromedp.SetUploadFiles(chromedp.CSS(selector), []string{f})
}

// waitTime is how long a condition may take. It holds within a moment; a busy machine takes longer.
const waitTime = time.Minute

// tab is the page in a browser.
type tab struct {
	*testing.T
	ctx  context.Context
	base string
}

func (p tab) run(steps ...step) {
	p.Helper()
	ctx, stop := context.WithTimeout(p.ctx, 2*time.Minute)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.Fatalf("%v; the page shows: %s", err, p.shown())
	}
}

func (p tab) shown() string {
	const script = `location.href + " " + document.body.innerText.slice(0, 200).replaceAll("\n", " ")`
	text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](script))
	return text
}

// wait runs steps and waits until an expression of the page holds.
func (p tab) wait(condition string, steps ...step) {
	p.Helper()
	p.run(steps...)
	for end := time.Now().Add(waitTime); ; time.Sleep(20 * time.Millisecond) {
		holds, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`Boolean(`+condition+`)`))
		if err == nil && holds {
			return
		}
		if time.Now().After(end) {
			p.Fatalf("%s doesn't hold (%v); the page shows: %s", condition, err, p.shown())
		}
	}
}

// value is the result of an expression as text.
func (p tab) value(expression string) string {
	p.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`String(`+expression+`)`))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return text
}

// isAccessible reports what axe-core finds that is serious.
func (p tab) isAccessible(script, what string) {
	p.Helper()
	p.run(js(script), js(`axe.run().then((r) => { window.found =
		r.violations.filter((v) => ["serious", "critical"].includes(v.impact))
			.map((v) => v.id + ": " + v.nodes[0].html.slice(0, 120)); })`))
	p.wait(`window.found`)
	if got := p.value(`found.join("; ")`); got != "" {
		p.Errorf("%s: %v", what, got)
	}
	p.run(js(`delete window.found`))
}
