package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/internal/remote/remotetest"
)

// TestMain is where the test binary is also another process that reads.
func TestMain(m *testing.M) {
	if os.Getenv(asReader) != "" {
		readAsProcess()
	}
	os.Exit(m.Run())
}

func TestS3ObjectsAreReadAsLocalOnes(t *testing.T) {
	want := content(2<<20 + 5)
	remotetest.ServeS3(t, map[string][]byte{"train/a 1+2.tar": want, "train/b.tar": want[:10], "train/sub/c.tar": want[:20],
		"val/d.tar": nil, "train/": nil})
	s := patient(t, Options{})
	o := find(t, s, "s3://data/train/a 1+2.tar")
	if o.Size != int64(len(want)) || o.Version == "" || o.ModTime.IsZero() {
		t.Errorf("%+v", o)
	}
	reads(t, s, o, want, 1)
	for name, found := range map[string]string{
		"s3://data/train/{a 1+2,b}.tar": "a 1+2.tar b.tar",
		"s3://data/train/*.tar":         "a 1+2.tar b.tar",
		"s3://data/*/?.tar":             "b.tar d.tar",
		"s3://data/train/*/*":           "c.tar",
	} {
		got, err := s.Find(t.Context(), name)
		if err != nil || names(got) != found {
			t.Errorf("%s: %s, %v", name, names(got), err)
		}
	}
	for _, folder := range []string{"s3://data/train", "s3://data/train/"} {
		if got, err := s.List(t.Context(), folder); err != nil || names(got) != "a 1+2.tar b.tar" || got[1].Size != 10 {
			t.Errorf("%s: %s, %v", folder, names(got), err)
		}
	}
	if got, err := s.Find(t.Context(), "s3://data/train/"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder: %v, %v", got, err)
	}
	if got, err := s.List(t.Context(), "s3://data"); err != nil || len(got) != 0 {
		t.Errorf("the bucket: %v, %v", got, err)
	}
}

func TestS3FaultsDontChangeTheBytes(t *testing.T) {
	want := content(200_000)
	server := remotetest.ServeS3(t, map[string][]byte{"a.tar": want})
	s := patient(t, Options{})
	o := find(t, s, "s3://data/a.tar")
	const faults = 200
	server.Choose = remotetest.Random(3, 0.6, faults, remotetest.Status(500, ""), remotetest.Status(503, ""), remotetest.Status(403, ""),
		remotetest.NoAnswer, remotetest.Reset, remotetest.Short, remotetest.Whole, remotetest.Stale, remotetest.OtherPart,
		remotetest.LoginPage, remotetest.Body(503, "application/xml", "<Error><Code>SlowDown</Code><Message>slow</Message></Error>"))
	for i := 0; server.Made() < faults; i++ {
		reads(t, s, o, want, uint64(i))
	}
}

func TestAnS3ObjectThatChangesIsAnErrorWithItsName(t *testing.T) {
	server := remotetest.ServeS3(t, map[string][]byte{"a.tar": content(3000)})
	s := patient(t, Options{})
	o := find(t, s, "s3://data/a.tar")
	server.Put(t, "a.tar", content(3001)[:3000])
	_, readErr := s.ReadAt(t.Context(), o, make([]byte, 10), 100)
	_, streamErr := s.ReadAll(t.Context(), o, bounded.Any)
	for _, err := range []error{readErr, streamErr} {
		var changed *ChangedError
		if !errors.As(err, &changed) || err.Error() != changed.Error() {
			t.Errorf("%v", err)
		}
	}
}

// Each mistake of a user, or of the set-up, is one line with the way out.
func TestS3ErrorsSayWhatToDo(t *testing.T) {
	xml := func(status int, code, more string) remotetest.Fault {
		return remotetest.Body(status, "application/xml", fmt.Sprintf("<Error><Code>%s</Code><Message>M</Message>%s</Error>", code, more))
	}
	for _, c := range []struct {
		name  string
		fault remotetest.Fault
		kind  fault.Kind
		want  string
	}{
		{"s3://other/a.tar", nil, fault.Usage, "no bucket other"},
		{"s3://other/*.tar", nil, fault.Usage, "no bucket other"},
		{"s3://data/shard-0.tar", nil, fault.Usage, "the nearest name is s3://data/shard-00.tar"},
		{"s3://data/shard-9*.tar", nil, fault.Usage, "nothing matches the pattern; the nearest name is s3://data/shard-00.tar"},
		{"s3://data/", nil, fault.Usage, "bucket"},
		{"s3:///a", nil, fault.Usage, "s3://BUCKET/KEY"},
		{"s3://data/shard-[.tar", nil, fault.Usage, "syntax error in pattern"},
		{"s3://data/a", xml(403, "InvalidAccessKeyId", ""), fault.Usage,
			"doesn't know the access key); the credentials are those of AWS_ACCESS_KEY_ID"},
		{"s3://data/a", xml(403, "SignatureDoesNotMatch", ""), fault.Usage, "the secret key doesn't belong to the access key"},
		{"s3://data/a", xml(403, "RequestTimeTooSkewed", ""), fault.Usage, "set the clock"},
		{"s3://data/a", xml(400, "ExpiredToken", ""), fault.Usage, "expired"},
		{"s3://data/a", xml(400, "AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>"), fault.Usage, "set AWS_REGION=eu-west-3"},
		{"s3://data/a", xml(301, "PermanentRedirect", ""), fault.Usage, "set AWS_REGION"},
		{"s3://data/a", xml(403, "AccessDenied", ""), fault.Usage, "access is refused"},
		{"s3://data/a*", xml(403, "AccessDenied", ""), fault.Usage, "access is refused"},
		{"s3://data/a", xml(503, "SlowDown", ""), fault.Failed, "503"},
		{"s3://data/a", remotetest.NoAnswer, fault.Failed, "no answer"},
	} {
		t.Run(c.name+" "+c.want, func(t *testing.T) {
			server := remotetest.ServeS3(t, map[string][]byte{"shard-00.tar": nil, "x.tar": nil})
			if c.fault != nil {
				server.Choose = func(*http.Request) remotetest.Fault { return c.fault }
			}
			s := patient(t, Options{})
			_, err := s.Find(t.Context(), c.name)
			if err == nil || !strings.Contains(err.Error(), c.want) || fault.Of(err) != c.kind || strings.Contains(err.Error(), "\n") {
				t.Fatalf("kind %d: %v", fault.Of(err), err)
			}
			if !strings.HasPrefix(err.Error(), c.name) || strings.Contains(err.Error(), remotetest.SecretKey) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestS3SettingsComeFromTheProfile(t *testing.T) {
	server := remotetest.ServeS3(t, map[string][]byte{"a.tar": content(10)})
	remotetest.InAWS(t, map[string]string{"AWS_PROFILE": "lab"})
	write(t, os.Getenv("AWS_CONFIG_FILE"), "[default]\nregion = x\n[profile lab]\nregion = eu-lab-1\nendpoint_url = "+server.URL+
		"\ns3 =\n  region = y\n")
	write(t, os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), "[lab]\naws_access_key_id = AKIALAB\naws_secret_access_key = "+
		remotetest.SecretKey+"\n")
	settings, err := s3FromEnvironment()
	if err != nil || settings.region != "eu-lab-1" || settings.endpoint.String() != server.URL ||
		settings.credentialsShown() != "those of profile lab" {
		t.Errorf("%+v, %s, %v", settings, settings.credentialsShown(), err)
	}
	s := patient(t, Options{})
	reads(t, s, find(t, s, "s3://data/a.tar"), content(10), 1)
	remotetest.InAWS(t, map[string]string{"AWS_ENDPOINT_URL": server.URL})
	settings, err = s3FromEnvironment()
	if err != nil || !strings.HasPrefix(settings.credentialsShown(), "none: set AWS_ACCESS_KEY_ID") {
		t.Errorf("%s, %v", settings.credentialsShown(), err)
	}
	s = patient(t, Options{})
	reads(t, s, find(t, s, "s3://data/a.tar"), content(10), 1)
	remotetest.InAWS(t, map[string]string{"AWS_ENDPOINT_URL": "nonsense"})
	if _, err := s3FromEnvironment(); fault.Of(err) != fault.Usage {
		t.Errorf("%v", err)
	}
}

func TestMissingS3FoldersAreMissing(t *testing.T) {
	remotetest.ServeS3(t, map[string][]byte{"train/a.tar": nil})
	s := patient(t, Options{})
	_, err := s.List(t.Context(), "s3://data/trian")
	if !errors.Is(err, fs.ErrNotExist) || fault.Of(err) != fault.Usage {
		t.Errorf("%v", err)
	}
}
