package store

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"clipgo/internal/fault"
	"clipgo/internal/remote"
)

// s3 reads objects of S3 and of servers that speak its protocol.
type s3 struct {
	far      *far
	client   minio.Core
	settings s3Settings
}

func newS3(f *far) (origin, error) {
	settings, err := s3FromEnvironment()
	if err != nil {
		return nil, err
	}
	client, err := settings.client()
	if err != nil {
		return nil, err
	}
	return &s3{f, minio.Core{Client: client}, settings}, nil
}

// split is the bucket and the key of s3://BUCKET/KEY.
func (s *s3) split(name string) (bucket, key string, err error) {
	bucket, key, _ = strings.Cut(name[len("s3://"):], "/")
	if bucket == "" || isPattern(bucket) {
		return "", "", fault.Usagef("%s: s3://BUCKET/KEY is expected", name)
	}
	return bucket, key, nil
}

func (s *s3) find(ctx context.Context, name string) ([]Object, error) {
	bucket, key, err := s.split(name)
	if err != nil {
		return nil, err
	}
	switch {
	case key == "":
		return nil, &MissingError{Name: name, Reason: "it is a bucket, not an object"}
	case strings.HasSuffix(key, "/"): // some programs make an empty object of this name
		return nil, &MissingError{Name: name, Reason: "it is a folder, not an object"}
	}
	if isPattern(key) {
		return s.match(ctx, name, bucket, key)
	}
	o, err := s.stat(ctx, name, bucket, key)
	if missing := (*MissingError)(nil); errors.As(err, &missing) {
		err = s.suggest(ctx, missing, bucket, key)
	}
	if err != nil {
		return nil, err
	}
	return []Object{o}, nil
}

func (s *s3) stat(ctx context.Context, name, bucket, key string) (o Object, err error) {
	release, err := s.far.slot(ctx)
	if err != nil {
		return o, err
	}
	defer release()
	err = s.far.retry("", name, remote.Attempts).Do(ctx, func() (bool, error) {
		ctx, watch := remote.Watch(ctx, s.far.client.Stall)
		defer watch.Stop()
		info, err := s.client.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
		if err != nil {
			return false, s.explain(ctx, name, bucket, s.withReason(ctx, bucket, key, err))
		}
		o = s3Object(bucket, info)
		return false, nil
	})
	return o, lookupError(name, err)
}

// withReason asks again with GET, whose answer says why: that of HEAD has no body.
func (s *s3) withReason(ctx context.Context, bucket, key string, err error) error {
	if minio.ToErrorResponse(err).StatusCode < 300 {
		return err
	}
	body, _, _, again := s.client.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if again == nil {
		return errors.Join(err, body.Close())
	}
	return again
}

func s3Object(bucket string, info minio.ObjectInfo) Object {
	return Object{Name: "s3://" + bucket + "/" + info.Key, Size: info.Size, Version: remote.ETag(info.ETag), ModTime: info.LastModified}
}

// match lists the objects whose keys match a pattern, in order.
func (s *s3) match(ctx context.Context, name, bucket, pattern string) (out []Object, err error) {
	matches, err := matcher(pattern)
	if err != nil {
		return nil, fault.Usagef("%s: %v", name, err)
	}
	prefix := literalPrefix(pattern)
	deep := strings.Contains(pattern[len(prefix):], "/")
	nearest := ""
	err = s.each(ctx, name, bucket, prefix, deep, func(info minio.ObjectInfo) bool {
		if matches(info.Key) {
			out = append(out, s3Object(bucket, info))
		}
		nearest = nearer(pattern, nearest, info.Key)
		return len(out) < MaxNames
	})
	switch {
	case err != nil:
		return nil, err
	case len(out) == MaxNames:
		return nil, fault.Usagef("%s: the pattern matches %d objects or more", name, MaxNames)
	case len(out) > 0:
		slices.SortFunc(out, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
		return out, nil
	}
	missing := &MissingError{Name: name}
	if nearest != "" {
		missing.Nearest = "s3://" + bucket + "/" + nearest
		return nil, missing
	}
	return nil, s.suggest(ctx, missing, bucket, pattern)
}

// suggest completes the error of a missing object with the nearest name of its folder, or of one above.
func (s *s3) suggest(ctx context.Context, missing *MissingError, bucket, key string) error {
	folder := path.Dir(literalPrefix(key) + "x") // a prefix that ends with a slash is a folder
	for {
		prefix := ""
		if folder != "." && folder != "/" {
			prefix = strings.TrimSuffix(folder, "/") + "/"
		}
		nearest := ""
		err := s.each(ctx, missing.Name, bucket, prefix, false, func(info minio.ObjectInfo) bool {
			nearest = nearer(key, nearest, info.Key)
			return true
		})
		if err != nil { // who may read an object may not always list
			return missing
		}
		if nearest != "" || prefix == "" {
			if nearest != "" {
				missing.Nearest = "s3://" + bucket + "/" + nearest
			}
			return missing
		}
		folder = path.Dir(folder)
	}
}

func (s *s3) list(ctx context.Context, folder string) (out []Object, err error) {
	bucket, key, err := s.split(folder)
	if err != nil {
		return nil, err
	}
	prefix := strings.Trim(key, "/")
	if prefix != "" {
		prefix += "/"
	}
	any := false
	err = s.each(ctx, folder, bucket, prefix, false, func(info minio.ObjectInfo) bool {
		any = true
		if !strings.HasSuffix(info.Key, "/") {
			out = append(out, s3Object(bucket, info))
		}
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case !any:
		return nil, s.suggest(ctx, &MissingError{Name: folder, Reason: "there is no such folder"}, bucket, prefix)
	}
	slices.SortFunc(out, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// each visits the objects under a prefix, with those in folders if it is deep, else with the folders, until visit returns false.
func (s *s3) each(ctx context.Context, name, bucket, prefix string, deep bool, visit func(minio.ObjectInfo) bool) error {
	after := "" // where a listing that broke off goes on
	return lookupError(name, s.far.retry("", name, remote.Attempts).Do(ctx, func() (progress bool, err error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		options := minio.ListObjectsOptions{Prefix: prefix, Recursive: deep, StartAfter: after}
		for info := range s.client.ListObjectsIter(ctx, bucket, options) {
			if info.Err != nil {
				return progress, s.explain(ctx, name, bucket, info.Err)
			}
			if after = info.Key; !visit(info) {
				return true, nil
			}
			progress = true
		}
		return progress, ctx.Err()
	}))
}

func (s *s3) open(ctx context.Context, o Object, from, to int64) (io.ReadCloser, error) {
	bucket, key, err := s.split(o.Name)
	if err != nil {
		return nil, err
	}
	var options minio.GetObjectOptions
	if o.Version != "" {
		err = options.SetMatchETag(o.Version)
	}
	switch {
	case err != nil:
	case to >= 0 && (from > 0 || to < o.Size):
		err = options.SetRange(from, to-1)
	case from > 0:
		err = options.SetRange(from, 0)
	}
	if err != nil {
		return nil, err
	}
	ctx, watch := remote.Watch(ctx, s.far.client.Stall)
	body, info, header, err := s.client.GetObject(ctx, bucket, key, options)
	if err != nil {
		err = fickle(s.explain(ctx, o.Name, bucket, err))
		watch.Stop()
		return nil, err
	}
	if err := describe(s.settings.host(), header, info.Size).check(o, from, to); err != nil {
		watch.Stop()
		return nil, errors.Join(err, body.Close())
	}
	return watch.Body(body), nil
}
