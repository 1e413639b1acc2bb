package serve

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever a client sends is answered: with hits, or with a mistake of its own, never with one of the server.
func FuzzRequests(f *testing.F) {
	at := newFixture(f)
	for _, seed := range []string{"q=red&q=-0.5:blue&limit=3", "like=-2:0.0&min_z=1e300", "cursor=ZTlkOGQ3OTE3YTVhOTc5NCAy&q=a",
		"q=%ff%00&text=%00",
		"folder=../../etc&after=2024-01-01", "picture=:&in=captions", "q=%2B1e999:a", "limit=00&q=a",
		"min_size=9&max_size=1&before=0001-01-01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		w := at.do("GET", "/api/search?"+q.Encode(), nil)
		if w.Code >= 500 || w.Code == 200 && !strings.HasPrefix(w.Body.String(), `{"index":`) {
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	})
}

func FuzzKnnService(f *testing.F) {
	at := newFixture(f)
	for _, seed := range []string{`{"text":"red","modality":"image","num_images":1,"indice_name":null}`, `{"ids":[0,1],"indice_name":""}`,
		`{"embedding_input":[1e39,0,0,0],"modality":"image","num_images":1,"indice_name":null}`, `[]`,
		`{"image":"iVBORw0KGgo=","modality":"text"}`,
		`{"embedding_input":[0,0,0,0],"modality":"image","num_images":1,"num_result_ids":5,"deduplicate":true,"indice_name":null}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/knn-service", "/metadata", "/api/login"} {
			if w := at.do("POST", path, strings.NewReader(body)); w.Code >= 500 {
				t.Errorf("%s %q: %d %s", path, body, w.Code, w.Body)
			}
		}
	})
}

func FuzzForms(f *testing.F) {
	at := newFixture(f)
	f.Add("multipart/form-data; boundary=x",
		"--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\nGIF89a\r\n--x--\r\n")
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nred\r\n--x--\r\n")
	f.Add("multipart/form-data", "")
	f.Add("image/png", "\x89PNG\r\n\x1a\n")
	f.Fuzz(func(t *testing.T, kind, body string) {
		r := httptest.NewRequest("POST", "/api/search", strings.NewReader(body))
		r.Host = "127.0.0.1:80"
		r.Header["Content-Type"] = []string{kind}
		w := httptest.NewRecorder()
		if at.handler.ServeHTTP(w, r); w.Code >= 500 {
			t.Errorf("%q %q: %d %s", kind, body, w.Code, w.Body)
		}
	})
}
