// Package browsertest opens pages in a real browser, for tests only.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"clipgo/internal/need"
)

// programs are the names of browsers that are tried in turn.
var programs = []string{"chromium", "chromium-browser", "google-chrome", "chrome"}

// Page is a page in a browser. Errors are those of its console.
type Page struct {
	context.Context
	t    testing.TB
	mu   sync.Mutex
	errs []string
}

// Start starts a browser with a window of a size; the context is its first tab. Without a browser the test ends by the
// rule of package need.
func Start(t testing.TB, width, height int) context.Context {
	t.Helper()
	program := ""
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		need.Missing(t, need.Browser, "there is no browser; install chromium")
	}
	// The sandbox needs rights that root in a container lacks. A proxy of this machine is not for the servers of a test.
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.WindowSize(width, height), chromedp.Flag("no-proxy-server", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WSURLReadTimeout(2*time.Minute))
	limited, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	allocated, stop := chromedp.NewExecAllocator(limited, options...)
	inner, end := chromedp.NewContext(allocated)
	t.Cleanup(func() { end(); stop(); cancel() })
	if err := chromedp.Do(inner, chromedp.EmulateViewport(int64(width), int64(height))); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	return inner
}

// Open opens a page at a URL in a window of a size, as Start does.
func Open(t testing.TB, url string, width, height int) *Page {
	t.Helper()
	inner := Start(t, width, height)
	p := &Page{Context: inner, t: t}
	messages := chromedp.Console(inner) // from here on
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleException {
				p.mu.Lock()
				p.errs = append(p.errs, m.Text)
				p.mu.Unlock()
			}
		}
	}()
	p.Do(chromedp.Navigate(url))
	return p
}

// Do runs actions.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// Click clicks the first element of a CSS selector.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.Do(chromedp.Click(chromedp.CSS(selector)))
}

// Choose sets the value of a field and sends the event that a user's input causes.
func (p *Page) Choose(id, value string) {
	p.t.Helper()
	const script = "(() => { const e = document.getElementById(%q); e.value = %q; e.dispatchEvent(new Event('input')); })()"
	p.Text(fmt.Sprintf(script, id, value))
}

// Text evaluates JavaScript and returns the result as text.
func (p *Page) Text(script string) string {
	p.t.Helper()
	text, err := chromedp.Run(p, chromedp.Evaluate[string]("String("+script+")"))
	if err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
	return text
}

// Errors are what the console and the page reported as errors.
func (p *Page) Errors() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.errs)
}

// Screenshot keeps a picture of the page in the folder that CLIPGO_SCREENSHOTS names, if it does.
func (p *Page) Screenshot(name string) {
	p.t.Helper()
	dir := os.Getenv("CLIPGO_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(p, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
