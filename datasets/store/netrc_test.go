package store

import (
	"net/http"
	"net/url"
	"testing"
)

func TestNetrcHasEntriesForHosts(t *testing.T) {
	const text = "# mine\nmachine a.example login me password p1\nmacdef init\nmachine b.example login no password no\n\n" +
		"machine b.example\n  login you\n  account x\n  password p2\nmachine c.example login only\nmachine d.example\n" +
		"default login any password p3\n"
	for host, want := range map[string]string{
		"a.example": "me p1", "A.example": "me p1", "b.example": "you p2", "c.example": "only ", "d.example": " ", "e.example": "any p3",
	} {
		user, password, _ := parseNetrc(text, host)
		if got := user + " " + password; got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
	for _, text := range []string{"", "machine", "machine a.example", "machine a.example login", "login me"} {
		if user, password, ok := parseNetrc(text, "a.example"); ok {
			t.Errorf("%q: %s %s", text, user, password)
		}
	}
}

func TestNetrcIsForTheHostAlone(t *testing.T) {
	t.Setenv("NETRC", write(t, t.TempDir()+"/netrc", "machine a.example login me password p1\n"))
	for address, want := range map[string]string{
		"https://a.example/x": "me p1", "https://other:p@a.example/x": "other p", "https://b.example/x": " ",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		authorize := (&web{}).authorize(u)
		for host, want := range map[string]string{u.Host: want, "c.example": " "} {
			r, err := http.NewRequest(http.MethodGet, "https://"+host+"/x", nil)
			if err != nil {
				t.Fatal(err)
			}
			authorize(r)
			if user, password, _ := r.BasicAuth(); user+" "+password != want {
				t.Errorf("%s: %s sees %q", address, host, user+" "+password)
			}
		}
	}
}
