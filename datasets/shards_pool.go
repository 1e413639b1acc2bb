package datasets

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// maxOpenShards is how many archives stay open between two reads.
const maxOpenShards = 64

// shardFile is an archive and what its file was when it was indexed.
type shardFile struct {
	path     string
	size     int64
	modified time.Time
}

// shardPool keeps the archives open that were read last. Several goroutines may use it.
type shardPool struct {
	mu     sync.Mutex
	closed bool
	open   []*openShard // the one used last stands last
}

type openShard struct {
	id     int
	file   *os.File
	users  int
	retire bool // closed by its last user
}

// read reads a member's bytes.
func (p *shardPool) read(id int, f shardFile, at, size int64) ([]byte, error) {
	shard, err := p.acquire(id, f)
	if err != nil {
		return nil, err
	}
	defer p.release(shard)
	data := make([]byte, size)
	if _, err := shard.file.ReadAt(data, at); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, cause(err))
	}
	return data, nil
}

func (p *shardPool) acquire(id int, f shardFile) (*openShard, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("read %s: %w", f.path, os.ErrClosed)
	}
	for i, s := range p.open {
		if s.id == id {
			p.open = append(append(p.open[:i], p.open[i+1:]...), s)
			s.users++
			return s, nil
		}
	}
	file, err := openUnchanged(f)
	if err != nil {
		return nil, err
	}
	if len(p.open) == maxOpenShards {
		oldest := p.open[0]
		p.open = append(p.open[:0], p.open[1:]...)
		oldest.retireNow()
	}
	s := &openShard{id: id, file: file, users: 1}
	p.open = append(p.open, s)
	return s, nil
}

// openUnchanged opens an archive unless it is another than was indexed: its offsets would point anywhere.
func openUnchanged(f shardFile) (*os.File, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.path, cause(err))
	}
	st, err := file.Stat()
	if err == nil && (st.Size() != f.size || !st.ModTime().Equal(f.modified)) {
		err = fmt.Errorf("%s has changed since it was indexed", f.path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func (p *shardPool) release(s *openShard) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.users--
	if s.retire {
		s.retireNow()
	}
}

// retireNow closes a file that left the pool once nobody reads it. The pool is locked.
func (s *openShard) retireNow() {
	s.retire = true
	if s.users == 0 {
		s.file.Close()
	}
}

// close closes what is open; later reads fail.
func (p *shardPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, s := range p.open {
		s.retireNow()
	}
	p.open = nil
}
