package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// minToken is the shortest token, in characters: 64 bits in hexadecimal digits.
const minToken = 16

// What a request may have.
const (
	jsonBytes   = 1 << 20  // of a body without a picture
	uploadBytes = 20 << 20 // of a picture
	bodyBytes   = uploadBytes/3*4 + jsonBytes
)

// policy is the page's own content policy: nothing from elsewhere, no script and no style in the page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard decides which requests reach a handler. The order matters: the Host is checked before anything that a page of another site
// could learn from, and the token last, when it is known who asks.
func (s *Server) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	for _, origin := range s.options.Origins {
		_ = cross.AddTrustedOrigin(origin) // check has parsed it
	}
	cross.SetDenyHandler(refuse(http.StatusForbidden, "a page of another site may not ask this; settings can allow its origin"))
	h := s.bounded(next)
	h = s.authorized(h)
	h = cross.Handler(h)
	h = s.origins(h)
	h = cleanPath(s.options.BasePath, h)
	h = headers(h)
	return s.hosts(h)
}

func refuse(code int, message string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fail(w, &statusError{code, message}) })
}

// hosts refuses a Host that isn't one of the server's names. A page that makes a name of its own lead to this machine (DNS rebinding)
// has that name in the Host.
func (s *Server) hosts(next http.Handler) http.Handler {
	addr, port, _ := net.SplitHostPort(s.options.Addr)
	local, _ := isLoopback(s.options.Addr)
	names := append([]string{strings.ToLower(addr)}, s.options.Hosts...)
	if local {
		names = append(names, "localhost", "127.0.0.1", "::1")
	}
	everywhere := addr == "" || net.ParseIP(addr).IsUnspecified()
	wrong := refuse(http.StatusMisdirectedRequest, "this server doesn't have the name in the request's Host; settings can add it")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, at, err := net.SplitHostPort(r.Host)
		if err != nil { // without a port
			name, at = strings.Trim(r.Host, "[]"), ""
		}
		if at == "" {
			at = "80" // of http, which clients leave out
		}
		given := slices.Contains(s.options.Hosts, strings.ToLower(name)) || slices.Contains(s.options.Hosts, strings.ToLower(r.Host))
		known := slices.Contains(names, strings.ToLower(name)) || everywhere && net.ParseIP(name) != nil // a number is no name to rebind
		known = known && at == port
		if !known && !given { // a proxy has a port of its own
			wrong.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-store") // handlers of what may be kept say so
		next.ServeHTTP(w, r)
	})
}

// cleanPath takes the base path off, and repeated slashes: clip-retrieval's page writes //knn-service. The mux would redirect.
func cleanPath(base string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := r.URL.Path
		if rest, ok := strings.CutPrefix(at, base); base != "" && ok && (rest == "" || rest[0] == '/') {
			at = rest
		}
		clean := path.Clean("/" + at)
		if strings.HasSuffix(at, "/") && clean != "/" {
			clean += "/"
		}
		if clean != r.URL.Path {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = clean, ""
		}
		next.ServeHTTP(w, r)
	})
}

// origins answers the origins of the options, and only them: it says that their pages may read the answer, and what they may send.
func (s *Server) origins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		allowed := origin != "" && slices.Contains(s.options.Origins, origin)
		w.Header().Add("Vary", "Origin")
		if allowed {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		}
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		if allowed {
			w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
			w.Header().Set("Access-Control-Max-Age", "600")
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

const cookieName = "clipgo"

// cookieValue is what a browser keeps in place of the token.
func cookieValue(token string) string {
	sum := sha256.Sum256([]byte("cookie of clipgo: " + token))
	return hex.EncodeToString(sum[:])
}

// open are the paths that need no token: the page's own files, which hold nothing of an index, and the ways to show a token or to ask
// whether the server runs.
func open(p string) bool {
	return p == "/" || p == "/review" || p == "/api/health" ||
		p == "/api/login" || p == "/api/openapi.json" || strings.HasPrefix(p, "/web/") ||
		p == "/favicon.ico"
}

// authorized wants the token of the options: as a bearer, or as the cookie that login sets. clip-retrieval's endpoints take the bearer
// alone, since pages of other origins ask them.
func (s *Server) authorized(next http.Handler) http.Handler {
	token := s.options.Token
	wrong := refuse(http.StatusUnauthorized, "a token is missing or wrong: open the address that was printed, or send it as a bearer")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ok, guessed := token == "" || open(r.URL.Path), false
		if bearer, has := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); has && !ok {
			ok = same(bearer, token)
			guessed = !ok
		}
		if c, err := r.Cookie(cookieName); err == nil && !ok && !slices.Contains(retrievalPaths, r.URL.Path) {
			ok = same(c.Value, cookieValue(token))
		}
		if !ok {
			if guessed {
				s.refusedToken(r)
			}
			w.Header().Set("WWW-Authenticate", "Bearer")
			wrong.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// same compares in a time that doesn't depend on where texts differ.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// bounded limits the body, and turns work away when the server is about to end.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
			fail(w, &statusError{http.StatusServiceUnavailable, "the server is about to end"})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, bodyBytes)
		next.ServeHTTP(w, r)
	})
}

// login sets the cookie of a browser that shows the token.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Token string `json:"token"`
	}
	if err := readJSON(r, 4<<10, &in); err != nil {
		return err
	}
	if s.options.Token == "" || !same(in.Token, s.options.Token) {
		s.refusedToken(r)
		return &statusError{http.StatusUnauthorized, "the token is wrong"}
	}
	_, secure := s.proxies.client(r)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: cookieValue(in.Token), Path: s.options.BasePath + "/", HttpOnly: true,
		Secure: secure, SameSite: http.SameSiteStrictMode})
	return writeJSON(w, map[string]bool{"ok": true})
}

// isOrigin tells whether a text is the origin of a page.
func isOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.Path == "" && u.RawQuery == "" && u.Fragment == ""
}
