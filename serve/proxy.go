package serve

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"clipgo/internal/fault"
)

// proxies are the addresses whose X-Forwarded headers are believed.
type proxies []netip.Prefix

// parseProxies reads addresses, and ranges of them such as 10.0.0.0/8.
func parseProxies(list []string) (out proxies, err error) {
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if a, alone := netip.ParseAddr(text); alone == nil {
			p, err = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
		}
		if bits := p.Bits() - 96; err == nil && p.Addr().Is4In6() && bits >= 0 { // as has compares them
			p = netip.PrefixFrom(p.Addr().Unmap(), bits)
		}
		if err != nil {
			return nil, fault.Setting("trusted_proxy", "%q is neither an address nor a range such as 10.0.0.0/8", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (p proxies) has(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// client is who sent a request, and whether by HTTPS. Proxies that are trusted tell of it: each has added the address that it was asked
// from to the end of X-Forwarded-For, so the last address that is none of theirs is the client's. What comes before it, the client may have
// written. The headers of everybody else count for nothing.
func (p proxies) client(r *http.Request) (from string, secure bool) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	at, err := netip.ParseAddr(host)
	if err != nil || !p.has(at) {
		return host, r.TLS != nil
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.has(at); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil { // a name, or made up
			break
		}
		at = next
	}
	protocols := strings.Split(strings.Join(r.Header.Values("X-Forwarded-Proto"), ","), ",")
	return at.Unmap().String(), strings.EqualFold(strings.TrimSpace(protocols[len(protocols)-1]), "https")
}

// refusedToken logs a wrong token with the address that it came from, so that a log shows who guesses.
func (s *Server) refusedToken(r *http.Request) {
	from, _ := s.proxies.client(r)
	s.log.Warn("a wrong token", "from", from)
}
