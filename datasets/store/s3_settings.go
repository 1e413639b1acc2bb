package store

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/internal/remote"
)

// s3Settings say how S3 is reached: AWS's environment variables, then the profile in its files.
type s3Settings struct {
	endpoint  *url.URL
	region    string // empty: that of the bucket is asked for
	profile   string
	anonymous bool
	config    map[string]string // of the profile in ~/.aws/config
	keys      *credentials.Credentials
}

const awsEndpoint = "https://s3.amazonaws.com"

func s3FromEnvironment() (s s3Settings, err error) {
	s.profile = cmp.Or(os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE"), "default")
	if s.config, err = awsProfile(awsFile("AWS_CONFIG_FILE", "config"), s.profile); err != nil {
		return s, err
	}
	endpoint := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"), s.config["endpoint_url"], awsEndpoint)
	s.endpoint, err = url.Parse(endpoint)
	if err != nil || s.endpoint.Host == "" || s.endpoint.Scheme != "http" && s.endpoint.Scheme != "https" {
		return s, fault.Usagef("AWS_ENDPOINT_URL: %q is not http(s)://HOST", remote.Public(endpoint))
	}
	s.region = cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), s.config["region"])
	if s.region == "" && endpoint != awsEndpoint {
		s.region = "us-east-1" // what other servers expect
	}
	switch strings.ToLower(os.Getenv("AWS_NO_SIGN_REQUEST")) {
	case "1", "true", "yes", "on":
		s.anonymous = true
	}
	s.keys = s.credentials(endpoint == awsEndpoint)
	return s, nil
}

// awsFile is the path of one of AWS's files.
func awsFile(variable, name string) string {
	if path := os.Getenv(variable); path != "" {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".aws", name)
}

// awsProfile reads the settings of a profile from AWS's config file. A file that doesn't exist has none.
func awsProfile(file, profile string) (map[string]string, error) {
	out := map[string]string{}
	if _, err := os.Stat(file); file == "" || err != nil {
		return out, nil
	}
	here := false
	err := bounded.Lines(file, bounded.List, func(_ int, line []byte, _ bool) error {
		text := strings.TrimSpace(string(line))
		if section, ok := strings.CutPrefix(text, "["); ok {
			section = strings.TrimSpace(strings.TrimSuffix(section, "]"))
			here = section == profile || section == "profile "+profile
		} else if key, value, ok := strings.Cut(text, "="); ok && here && line[0] != ' ' && line[0] != '\t' { // else of a nested section
			out[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
		return nil
	})
	return out, err
}

// credentials are the first that exist: variables, the profile's files, the role of the machine or the container. Without any, requests are
// not signed, which public buckets take.
func (s s3Settings) credentials(aws bool) *credentials.Credentials {
	if s.anonymous {
		return anonymous()
	}
	chain := []credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{Filename: awsFile("AWS_SHARED_CREDENTIALS_FILE", "credentials"), Profile: s.profile},
		&credentials.FileAWSCredentials{Filename: awsFile("AWS_CONFIG_FILE", "config"), Profile: s.profile},
	}
	if aws && !strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		chain = append(chain, &credentials.IAM{Client: &http.Client{Timeout: time.Second}}) // most machines have no such server
	}
	found := credentials.NewChainCredentials(chain)
	if value, err := found.GetWithContext(lookup()); err != nil || value.SignerType.IsAnonymous() {
		return anonymous() // so that nobody looks again for each request
	}
	return found
}

func anonymous() *credentials.Credentials {
	return credentials.NewStatic("", "", "", credentials.SignatureAnonymous)
}

// lookup is the context of looks for credentials.
func lookup() *credentials.CredContext { return &credentials.CredContext{Client: http.DefaultClient} }

func (s s3Settings) client() (*minio.Client, error) {
	client, err := minio.New(s.endpoint.Host, &minio.Options{
		Creds: s.keys, Secure: s.endpoint.Scheme == "https", Region: s.region, Transport: remote.Transport(), MaxRetries: 1,
	})
	if err != nil {
		return nil, fault.Usagef("AWS_ENDPOINT_URL: %v", err)
	}
	client.SetAppInfo("clipgo", "1")
	return client, nil
}

func (s s3Settings) host() string { return s.endpoint.Host }

func (s s3Settings) regionShown() string { return cmp.Or(s.region, "the one that was asked") }

// credentialsShown says where the credentials come from, without showing them.
func (s s3Settings) credentialsShown() string {
	value, err := s.keys.GetWithContext(lookup())
	switch {
	case s.anonymous:
		return "none, as AWS_NO_SIGN_REQUEST says"
	case err != nil || value.SignerType.IsAnonymous() || value.AccessKeyID == "":
		return fmt.Sprintf("none: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (profile %s has none)", s.profile)
	case os.Getenv("AWS_ACCESS_KEY_ID") != "" || os.Getenv("AWS_ACCESS_KEY") != "":
		return "those of AWS_ACCESS_KEY_ID"
	}
	return fmt.Sprintf("those of profile %s", s.profile)
}
