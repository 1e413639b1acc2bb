package safetensors

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"clipgo/internal/mapped"
)

// Container is an open file of named tensors of any format. Their data is invalid after Close.
type Container interface {
	Names() []string
	Tensor(name string) (Tensor, bool)
	Close() error
}

// Sharded joins the files that an index names, such as model.safetensors.index.json, into one container.
type Sharded struct {
	shards []Container
	names  []string
	home   map[string]Container
}

// maxIndex bounds an index: that of a model of 2,000 tensors has 0.2 MB.
const maxIndex = 4 << 20

// OpenSharded reads an index and opens the shards that it names, in the index's folder. Each tensor must be in the shard that the index
// names; a shard may have other tensors. open opens a shard and so decides the formats.
func OpenSharded(path string, open func(path string) (Container, error)) (*Sharded, error) {
	weightMap, err := readIndex(path)
	if err != nil {
		return nil, err
	}
	s := &Sharded{home: map[string]Container{}}
	if err := s.open(filepath.Dir(path), weightMap, open); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Sharded) open(dir string, weightMap map[string]string, open func(path string) (Container, error)) error {
	for _, file := range shardNames(weightMap) {
		if filepath.Base(file) != file || !filepath.IsLocal(file) {
			return fmt.Errorf("%w: the index names %q, which is not a file beside it", ErrFormat, file)
		}
		c, err := open(filepath.Join(dir, file))
		if err != nil {
			return fmt.Errorf("shard %s: %w", file, err)
		}
		s.shards = append(s.shards, c)
		if err := s.add(file, c, weightMap); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(weightMap)) {
		if s.home[name] == nil {
			return fmt.Errorf("%w: the index says that %s holds %q, which it doesn't", ErrFormat, weightMap[name], name)
		}
	}
	return nil
}

// add adds the tensors of a shard, except those that the index assigns to another shard.
func (s *Sharded) add(file string, c Container, weightMap map[string]string) error {
	for _, name := range c.Names() {
		if where, mapped := weightMap[name]; mapped && where != file {
			continue
		}
		if s.home[name] != nil {
			return fmt.Errorf("%w: %q is in two shards, and the index doesn't say which counts", ErrFormat, name)
		}
		s.home[name] = c
		s.names = append(s.names, name)
	}
	return nil
}

func shardNames(weightMap map[string]string) []string {
	return slices.Compact(slices.Sorted(maps.Values(weightMap)))
}

func readIndex(path string) (_ map[string]string, err error) {
	data, err := mapped.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, mapped.Close(data)) }()
	if len(data) > maxIndex {
		return nil, fmt.Errorf("%w: the index has %d bytes", ErrFormat, len(data))
	}
	weightMap, err := readWeightMap(newTokens(data))
	if err != nil {
		return nil, fmt.Errorf("%w: index: %w", ErrFormat, err)
	}
	if len(weightMap) == 0 {
		return nil, fmt.Errorf("%w: the index has no weight_map", ErrFormat)
	}
	return weightMap, nil
}

func readWeightMap(d *tokens) (weightMap map[string]string, err error) {
	err = d.object(func(key string) (err error) {
		if key != "weight_map" {
			return d.skip()
		}
		weightMap, err = d.strings()
		return err
	})
	return weightMap, err
}

// Names lists the tensors, shard by shard.
func (s *Sharded) Names() []string { return slices.Clone(s.names) }

// Tensor finds a tensor by name.
func (s *Sharded) Tensor(name string) (Tensor, bool) {
	c, ok := s.home[name]
	if !ok {
		return Tensor{}, false
	}
	return c.Tensor(name)
}

// Close closes all shards.
func (s *Sharded) Close() error {
	var errs []error
	for _, c := range s.shards {
		errs = append(errs, c.Close())
	}
	s.shards, s.names, s.home = nil, nil, nil
	return errors.Join(errs...)
}
