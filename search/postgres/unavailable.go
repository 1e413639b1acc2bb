package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"clipgo/search"
)

// failed is the error of a statement. One that comes from a database that has gone away, or that can't take more connections, is
// search.ErrUnavailable. Damage of the folder that is copied is none of the database.
func failed(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, search.ErrNoRow), errors.As(err, new(*search.CorruptError)):
		return err
	case away(err):
		return fmt.Errorf("%w: database: %w", search.ErrUnavailable, err)
	}
	return fmt.Errorf("database: %w", err)
}

// away reports whether an error is none of the statement itself: a later attempt may succeed.
func away(err error) bool {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return true
	}
	for _, class := range []string{"08", "53", "57P"} { // connections, resources, shutdowns
		if strings.HasPrefix(refused.Code, class) {
			return true
		}
	}
	return false
}
