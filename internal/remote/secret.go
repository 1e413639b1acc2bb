package remote

import (
	"net/url"
	"regexp"
	"strings"
)

// secretName matches names of parameters and variables that hold credentials, and those that only a signed URL has.
var secretName = regexp.MustCompile(`(?i)^x-(amz|goog|oss|cos|ms)-|token|secret|passw|passphrase|signature|credential|auth|session|` +
	`(api|access|private)[-_]?key|^(sig|sign|key|policy|expires|key-pair-id|awsaccesskeyid|googleaccessid|jwt)$|` +
	`^(sv|sr|st|se|sp|spr|skoid|sktid|skt|ske|sks|skv)$`)

// IsSecretName reports whether a parameter or variable of this name holds a credential.
func IsSecretName(name string) bool { return secretName.MatchString(name) }

// opaque matches values that look like keys: long, without the separators of names.
var opaque = regexp.MustCompile(`^[A-Za-z0-9+=_~%-]{32,}$`)

// Public is an address as messages show it: without user and password, without parameters that hold credentials, without fragment.
func Public(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	host, path, slash := strings.Cut(rest, "/")
	if at := strings.LastIndex(rest, "@"); at >= 0 && !plainHost.MatchString(host) { // a password may have a slash that should be %2F
		host, path, slash = strings.Cut(rest[at+1:], "/")
	}
	if slash {
		host += "/" + path
	}
	if query = publicQuery(query); query != "" {
		host += "?" + query
	}
	return scheme + "://" + host
}

// plainHost matches a host with or without a port.
var plainHost = regexp.MustCompile(`^([^:@\[\]]*|\[[^@\[\]]*\])(:[0-9]*)?$`)

func publicQuery(query string) string {
	var kept []string
	for one := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(one, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if one != "" && !IsSecretName(name) && !opaque.MatchString(value) {
			kept = append(kept, one)
		}
	}
	return strings.Join(kept, "&")
}
