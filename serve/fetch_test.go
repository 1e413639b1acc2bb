package serve

import (
	"fmt"
	"image/color"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"clipgo/internal/fault"
)

func TestOnlyPublicAddressesArePublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "255.255.255.255": false, "224.0.0.1": false, "198.18.0.1": false, "::1": false, "::": false, "fe80::1": false,
		"fc00::1": false, "ff02::1": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false,
		"::ffff:0:127.0.0.1": false, "4000::1": false, "1000::1": false, // as IPv6 that is translated has it; not given out
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:0:1::": false, "fe80::1%eth0": false,
	} {
		if a, err := netip.ParseAddr(text); err != nil || public(a) != want {
			t.Errorf("%s: public is %v, %v", text, !want, err)
		}
	}
	if len(special) != 19 {
		t.Errorf("%d ranges can be read", len(special))
	}
}

// TestTheMachineItselfIsNotPublic: its addresses are its own in every form.
func TestTheMachineItselfIsNotPublic(t *testing.T) {
	var interfaces []net.Addr
	for _, text := range []string{"198.51.100.7/24", "2001:db8::7/64", "fe80::7/64"} {
		ip, n, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		interfaces = append(interfaces, &net.IPNet{IP: ip, Mask: n.Mask})
	}
	for text, want := range map[string]bool{"198.51.100.7": true, "::ffff:198.51.100.7": true, "2001:db8::7": true, "fe80::7%eth0": true,
		"198.51.100.8": false, "2001:db8::8": false} {
		if a, err := netip.ParseAddr(text); err != nil || own(a, interfaces) != want {
			t.Errorf("%s: own is %v, %v", text, !want, err)
		}
	}
	here, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range here {
		p, err := netip.ParsePrefix(i.String())
		if err != nil || !own(p.Addr(), here) || publicElsewhere(netip.AddrPortFrom(p.Addr(), 80)) {
			t.Errorf("%s may be fetched from, %v", i, err)
		}
	}
}

// TestFetchesThatWaitAreFew: a client whose addresses answer slowly can't make all others wait for long.
func TestFetchesThatWaitAreFew(t *testing.T) {
	f := newFixture(t)
	f.fetcher = newFetcher(func(netip.AddrPort) bool { return true })
	for range queueLength {
		f.fetcher.asked <- struct{}{}
	}
	_, err := f.fetcher.picture(t.Context(), "http://127.0.0.1:1/")
	if code, _ := status(err); code != http.StatusServiceUnavailable {
		t.Errorf("%d, %v", code, err)
	}
}

// asking is a server that fetches from the addresses allowed, and how it answers an image_url.
func asking(t *testing.T, allowed func(netip.AddrPort) bool) func(address string) *httptest.ResponseRecorder {
	f := newFixture(t)
	f.fetcher = newFetcher(allowed)
	return func(address string) *httptest.ResponseRecorder {
		return f.do("POST", "/knn-service", strings.NewReader(fmt.Sprintf(
			`{"image_url": %q, "modality": "image", "num_images": 1, "indice_name": null}`, address)))
	}
}

// TestPicturesAreFetchedWithinTheRules: redirects and names are judged by where they lead, and all that fails says the same.
func TestPicturesAreFetchedWithinTheRules(t *testing.T) {
	red := pngOf(t, 20, 10, color.NRGBA{R: 250, A: 255})
	hidden := 0
	private := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hidden++
		_, _ = w.Write(red)
	}))
	defer private.Close()
	mux := http.NewServeMux()
	site := httptest.NewServer(mux)
	defer site.Close()
	mux.HandleFunc("/red.png", func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) > 0 || r.Header.Get("Referer") != "" {
			t.Errorf("headers %v", r.Header)
		}
		_, _ = w.Write(red)
	})
	for i := range 5 {
		to := fmt.Sprintf("/%d", i-1)
		if i == 0 {
			to = "/red.png"
		}
		mux.HandleFunc(fmt.Sprintf("/%d", i), func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(w, r, to, http.StatusFound)
		})
	}
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, private.URL, http.StatusFound) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	mux.HandleFunc("/text", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a text")) })
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) {
		for range uploadBytes>>20 + 2 {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	own, err := netip.ParseAddrPort(strings.TrimPrefix(site.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	ask := asking(t, func(at netip.AddrPort) bool { return at == own })
	for _, path := range []string{"/red.png", "/0", "/2"} {
		if w := ask(site.URL + path); w.Code != 200 || !strings.Contains(w.Body.String(), "similarity") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	refused := map[string]bool{}
	for _, address := range []string{site.URL + "/3", site.URL + "/away", site.URL + "/file", site.URL + "/text", site.URL + "/large",
		site.URL + "/none", private.URL, strings.Replace(private.URL, "127.0.0.1", "localhost", 1), "file:///etc/passwd",
		"ftp://example.org/x",
		strings.Replace(site.URL, "http://", "http://user:pass@", 1) + "/red.png", "http://", "::"} {
		w := ask(address)
		if refused[w.Body.String()] = true; w.Code != 400 {
			t.Errorf("%s: %d %s", address, w.Code, w.Body)
		}
	}
	if len(refused) != 1 || hidden > 0 {
		t.Errorf("the answers differ: %v; %d requests to what isn't allowed", refused, hidden)
	}
	public, _ := allowedBy(FetchPublic)
	if w := asking(t, public)(site.URL + "/red.png"); w.Code != 400 {
		t.Errorf("a loopback address: %d", w.Code)
	}
	if w := asking(t, nil)(site.URL + "/red.png"); w.Code != 403 {
		t.Errorf("nothing is fetched unless asked: %d", w.Code)
	}
	if _, err := New(nil, Options{Addr: "127.0.0.1:1", Fetch: "all"}); fault.Of(err) != fault.Usage {
		t.Errorf("a setting that there isn't: %v", err)
	}
}
