package store

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"clipgo/internal/bounded"
)

// netrc is the user and password that the user's file of credentials has for a host: that of NETRC, or ~/.netrc. So they need not be part
// of an address. nil: it has none.
func netrc(host string) *url.Userinfo {
	path := os.Getenv("NETRC")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil
		}
		path = filepath.Join(home, ".netrc")
	}
	data, err := bounded.ReadFile(path, bounded.Settings)
	if err != nil { // most users have none
		return nil
	}
	user, password, ok := parseNetrc(string(data), host)
	if !ok {
		return nil
	}
	return url.UserPassword(user, password)
}

// parseNetrc finds a host's entry, or the default one, which is the last.
func parseNetrc(text, host string) (user, password string, ok bool) {
	words := netrcWords(text)
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "default":
		case "machine":
			if i++; i >= len(words) || !strings.EqualFold(words[i], host) {
				continue
			}
		default:
			continue
		}
		for i++; i+1 < len(words); i += 2 {
			switch words[i] {
			case "login":
				user, ok = words[i+1], true
			case "password":
				password, ok = words[i+1], true
			case "account":
			default:
				return user, password, ok
			}
		}
		return user, password, ok
	}
	return "", "", false
}

// netrcWords lists the words of the file without comments and macros. A macro ends with an empty line.
func netrcWords(text string) (words []string) {
	macro := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
			macro = false
		case macro || strings.HasPrefix(fields[0], "#"):
		case fields[0] == "macdef":
			macro = true
		default:
			words = append(words, fields...)
		}
	}
	return words
}
