package datasets

// stride is which slots of a stream one process of several makes. Batch k of the World processes together is World*BatchSize slots, of
// which the process with number Rank has BatchSize: so together they make the batches of one process with World times the batch size.
// Nothing is exchanged for that, and another number of processes can go on from any slot that a batch ends with.
type stride struct {
	from, to int64 // slots of the stream
	own      int64 // slots that this process has of each batch
	skip     int64 // slots of each batch that other processes with smaller numbers have
	all      int64 // slots of a batch of all processes
}

// stride is the loader's part of a stream of slots.
func (l *Loader) stride(from, to int64) stride {
	own := int64(l.BatchSize)
	return stride{from: from, to: to, own: own, skip: int64(l.Rank) * own, all: l.globalBatch()}
}

// globalBatch is the number of slots in a batch of all processes.
func (l *Loader) globalBatch() int64 { return int64(l.BatchSize) * int64(max(1, l.World)) }

// has reports whether a slot is this process's.
func (s stride) has(slot int64) bool {
	at := (slot - s.from) % s.all
	return at >= s.skip && at < s.skip+s.own
}

// batches is the number of batches.
func (s stride) batches() int64 {
	n := s.to - s.from // which may be the largest number
	return n/s.all + min(n%s.all, 1)
}

// batch is what batch k has: the number of this process's slots, which is 0 where the last batch is too short for it, and the slot after
// the whole batch.
func (s stride) batch(k int64) (own int, next int64) {
	begin := s.from + k*s.all
	next = begin + min(s.all, s.to-begin)
	return int(min(s.own, max(0, next-begin-s.skip))), next
}

// slots is the number of this process's slots.
func (s stride) slots() int64 {
	n := s.batches()
	if n == 0 {
		return 0
	}
	last, _ := s.batch(n - 1)
	return (n-1)*s.own + int64(last)
}
