package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"clipgo/internal/fault"
	"clipgo/internal/remote"
)

// explain is an error of S3 with the way out.
func (s *s3) explain(ctx context.Context, name, bucket string, err error) error {
	var said minio.ErrorResponse
	if !errors.As(err, &said) {
		return remote.NoAnswer(ctx, s.settings.host(), err)
	}
	host := s.settings.host()
	if busy := s.busy(said); busy != nil {
		return busy
	}
	switch said.Code {
	case "NoSuchBucket":
		return &MissingError{Name: name, Reason: fmt.Sprintf("%s has no bucket %s", host, bucket)}
	case "NoSuchKey":
		return &MissingError{Name: name}
	case "PreconditionFailed", "InvalidRange":
		return &ChangedError{name}
	case "InvalidAccessKeyId":
		return s.refused(fmt.Sprintf("%s doesn't know the access key", host))
	case "SignatureDoesNotMatch":
		return s.refused("the secret key doesn't belong to the access key")
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return s.refused("the session token has expired")
	case "RequestTimeTooSkewed", "RequestExpired":
		return fault.Usagef("the clock of this machine differs from that of %s by too much; it is %s here: set the clock", host,
			time.Now().UTC().Format("2006-01-02 15:04 MST"))
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "Redirect", "InvalidRegion",
		"IllegalLocationConstraintException":
		return fault.Usagef("the bucket is in another region than %s%s", s.settings.regionShown(), regionAdvice(said.Region))
	case "AccessDenied", "AllAccessDisabled", "AccountProblem", "InvalidObjectState":
		return s.refused(remote.Line(said.Message))
	}
	return fault.Usagef("%s answers %d (%s)", host, said.StatusCode, remote.Line(said.Code+": "+said.Message))
}

// busy is the error of an answer that a later attempt may not get.
func (s *s3) busy(said minio.ErrorResponse) error {
	switch said.Code {
	case "SlowDown", "SlowDownRead", "Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestTimeout", "InternalError",
		"ServiceUnavailable":
		if said.StatusCode < 500 {
			return &remote.AwayError{Reason: fmt.Sprintf("%s answers %d (%s)", s.settings.host(), said.StatusCode, said.Code)}
		}
	}
	return remote.Busy(s.settings.host(), said.StatusCode, http.Header{})
}

// refused is the error of a request without permission, which names the credentials but doesn't show them.
func (s *s3) refused(reason string) error {
	return fault.Usagef("access is refused (%s); the credentials are %s", strings.TrimSuffix(reason, "."), s.settings.credentialsShown())
}

func regionAdvice(region string) string {
	if region == "" {
		return ": set AWS_REGION to its region"
	}
	return fmt.Sprintf(": set AWS_REGION=%s", remote.Line(region))
}
