package remotetest

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
)

// S3 is an S3 server with the bucket data, with faults.
type S3 struct {
	*httptest.Server
	*Faults
	backend gofakes3.Backend
}

// Bucket is the name of the bucket of an S3 server.
const Bucket = "data"

// SecretKey is the secret of the access key that the environment has.
const SecretKey = "wJalrXUtnFEMI-very-secret"

// hurry shortens the pause that minio-go makes even after its last attempt.
var hurry = sync.OnceFunc(func() { minio.DefaultRetryUnit = time.Microsecond })

// ServeS3 starts an S3 server with objects, which the environment then names.
func ServeS3(t testing.TB, files map[string][]byte) *S3 {
	t.Helper()
	hurry()
	s := &S3{backend: s3mem.New()}
	if err := s.backend.CreateBucket(Bucket); err != nil {
		t.Fatal(err)
	}
	for key, data := range files {
		s.Put(t, key, data)
	}
	s.Faults = &Faults{Next: gofakes3.New(s.backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()}
	s.Server = httptest.NewUnstartedServer(s.Faults)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // gofakes3 answers twice when a client goes away
	s.Start()
	t.Cleanup(s.Close)
	InAWS(t, map[string]string{"AWS_ENDPOINT_URL": s.URL, "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": SecretKey})
	return s
}

// Put writes an object.
func (s *S3) Put(t testing.TB, key string, data []byte) {
	t.Helper()
	meta := map[string]string{"Last-Modified": time.Now().UTC().Format(http.TimeFormat)}
	if _, err := s.backend.PutObject(Bucket, key, meta, bytes.NewReader(data), int64(len(data)), nil); err != nil {
		t.Fatal(err)
	}
}

// InAWS sets AWS's variables; those that aren't given are empty, and there are no files.
func InAWS(t testing.TB, values map[string]string) {
	t.Helper()
	none := t.TempDir()
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY",
		"AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_NO_SIGN_REQUEST",
	} {
		t.Setenv(name, values[name])
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(none, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(none, "credentials"))
}
