package serve

import (
	"fmt"
	"image/color"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"clipgo/internal/browsertest"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// greenSite answers any path below /green with a green picture, counted, and others with 404.
func greenSite(t *testing.T) (base string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	green := pngOf(t, 20, 10, color.NRGBA{G: 255, A: 255})
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if !strings.HasPrefix(r.URL.Path, "/green") {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(green)
	}))
	t.Cleanup(site.Close)
	return site.URL, asked
}

func TestAddressesAreSentInsteadOfPictures(t *testing.T) {
	site, asked := greenSite(t)
	f := newFixture(t, func(o *Options) { o.Fetch = FetchAny })
	at := func(address string) string { return "/api/pictures?" + url.Values{"url": {address}}.Encode() }
	id := post[map[string][]string](t, f, at(site+"/green.png"), "")["pictures"][0]
	if got := get[found](t, f, "/api/search?limit=1&picture="+id); !strings.HasPrefix(names(got.Hits), "g0") {
		t.Errorf("a picture of an address finds %s", names(got.Hits))
	}
	if got := get[map[string]any](t, f, "/api/indexes"); got["fetches"] != true {
		t.Errorf("what pages ask says: %v", got)
	}
	for _, address := range []string{site + "/none", "file:///etc/passwd", "http://"} {
		if w := f.do("POST", at(address), nil); w.Code != 400 || !strings.Contains(w.Body.String(), errFetch.message) {
			t.Errorf("%s: %d %s", address, w.Code, w.Body)
		}
	}
	before := asked.Load()
	for _, allowed := range []string{FetchNothing, FetchPublic} {
		f.open(t, func(o *Options) { o.Fetch = allowed })
		want := map[string]int{FetchNothing: 403, FetchPublic: 400}[allowed]
		if w := f.do("POST", at(site+"/green.png"), nil); w.Code != want {
			t.Errorf("fetch %q: %d %s", allowed, w.Code, w.Body)
		}
	}
	if got := get[map[string]any](t, f, "/api/indexes"); asked.Load() != before || got["fetches"] != true {
		t.Errorf("%d requests, before %d; %v", asked.Load(), before, got)
	}
	if w := f.do("GET", at(site+"/green.png"), nil); w.Code == 200 || asked.Load() != before {
		t.Errorf("GET fetches: %d", w.Code)
	}
}

// paste is an event of text that is pasted into the field or the page.
func paste(into, text string) step {
	return js(fmt.Sprintf(`(() => { const data = new DataTransfer(); data.setData("text/plain", %q);
		const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
		document.querySelector(%q).dispatchEvent(event); })()`, text, into))
}

func TestPageTakesAddresses(t *testing.T) {
	ctx := browsertest.Start(t, 1280, 900)
	site, asked := greenSite(t)
	f := newFixture(t, func(o *Options) { o.Fetch = FetchAny })
	addr, _ := serving(t, f)
	p := tab{t, ctx, "http://" + addr + "/"}
	allowed := `document.querySelector("#text").placeholder.includes("address")`
	one := `document.querySelectorAll(".chip").length === 1 && document.querySelector(".chip span").textContent === "green pear.png"
		&& document.querySelector("#text").value === "" && document.querySelector("#fetch").hidden`
	p.run(chromedp.Navigate(p.base), visible("#grid .tile"))
	p.wait(allowed)
	p.wait(one+` && location.search.startsWith("?picture=") && `+first+` === "picture 1"`, paste("#text", " "+site+"/green%20pear.png\n"))
	p.wait(one+` && document.querySelector(".chip.minus") && `+first+` !== "picture 1"`, chromedp.Navigate(p.base), visible("#grid .tile"),
		chromedp.WaitReady(chromedp.CSS("[placeholder*=address]")), typed("#text", "-"+site+"/green%20pear.png"), visible("#fetch"),
		typed("#text", kb.Enter))
	p.wait(one+` && `+first+` === "picture 1"`, chromedp.Navigate(p.base), chromedp.WaitReady(chromedp.CSS("[placeholder*=address]")),
		typed("#text", site+"/green%20pear.png"), click("#fetch"))
	none := site + "/none.png"
	p.wait(fmt.Sprintf(`!document.querySelector("#problem").hidden && document.querySelector("#text").value === %q`, none),
		typed("#text", none+kb.Enter))
	before := asked.Load()
	p.wait(`document.querySelectorAll(".chip").length === 1`, paste("#words", none), paste("#text", none)) // the field has text
	if asked.Load() != before {
		t.Error("what is pasted into other text was fetched")
	}
	p.run(chromedp.EmulateViewport(320, 800, chromedp.EmulateMobile))
	if got := p.value(`document.documentElement.scrollWidth`); got != "320" {
		t.Errorf("with the button for an address the page is %v wide", got)
	}
}

// A server that fetches nothing has a page that doesn't offer it: an address is words there.
func TestPageOffersNoAddresses(t *testing.T) {
	ctx := browsertest.Start(t, 1280, 900)
	site, asked := greenSite(t)
	f := newFixture(t)
	addr, _ := serving(t, f)
	p := tab{t, ctx, "http://" + addr + "/"}
	p.run(chromedp.Navigate(p.base), visible("#grid .tile"))
	p.wait(`location.search.startsWith("?q=http")`, typed("#text", site+"/green.png"), paste("body", site+"/green.png"))
	if got := p.value(`[...document.querySelectorAll("#fetch, .fetches")].every((e) => e.hidden) + " " +
		document.querySelectorAll(".chip").length`); got != "true 0" || asked.Load() > 0 {
		t.Errorf("%s; %d requests", got, asked.Load())
	}
}
