package postgres

import (
	"errors"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"clipgo/internal/fault"
)

// unreadable is an address of a database that can't be read. Nothing of the address is in it where nobody can tell what of it is the
// password.
func unreadable(address string, err error) error {
	const form = "it is postgres://USER@HOST/NAME, where %-escapes stand for the special characters of a name; PGPASSWORD, or a file " +
		"that PGPASSFILE names, has the password"
	u, wrong := url.Parse(address)
	if wrong != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return fault.Usagef("database: the address can't be read: %s", form)
	}
	text := err.Error()
	if _, reason, ok := strings.Cut(text, "`: "); ok && errors.As(err, new(*pgconn.ParseConfigError)) {
		text = reason // without the address
	}
	secrets := []string{}
	if password, ok := u.User.Password(); ok {
		secrets = append(secrets, password)
	}
	for _, name := range []string{"password", "sslpassword"} {
		secrets = append(secrets, u.Query()[name]...)
	}
	for _, s := range secrets {
		if s != "" && strings.Contains(text, s) {
			return fault.Usagef("database: the address can't be read: %s", form)
		}
	}
	return fault.Usagef("database: the address can't be used: %s", text)
}
