package datasets

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"clipgo/datasets/parquet"
)

// metadataKinds are those of the columns that Options.Metadata may name.
var metadataKinds = []parquet.Kind{parquet.Text, parquet.Integer, parquet.Boolean, parquet.Real}

// listColumns notes which columns a set has, and which of those asked for a file lacks. Pictures have no column to name.
func (s *parquetSet) listColumns(o Options) {
	s.info.Columns = []string{}
	for i := range s.files {
		f := &s.files[i]
		if f.broken != "" {
			continue
		}
		for at, c := range f.file.Columns {
			if !c.List && at != f.columns.image && at != f.columns.path && slices.Contains(metadataKinds, c.Kind) &&
				!slices.Contains(s.info.Columns, c.Name) {
				s.info.Columns = append(s.info.Columns, c.Name)
			}
		}
		f.metadata = make([]int, len(o.Metadata))
		var lacking []string
		for k, name := range o.Metadata {
			f.metadata[k] = f.file.Column(name)
			if at := f.metadata[k]; at < 0 || f.file.Columns[at].List || !slices.Contains(metadataKinds, f.file.Columns[at].Kind) {
				f.metadata[k] = -1
				lacking = append(lacking, name)
			}
		}
		if len(lacking) > 0 {
			s.info.Notes = append(s.info.Notes, f.object.Name+": "+lacks(lacking))
		}
	}
}

// metadata are the values of a row in the columns asked for; nil if none are.
func (s *parquetSet) metadata(ctx context.Context, f *parquetFile, row int64) (out []Cell, err error) {
	if len(f.metadata) == 0 {
		return nil, nil
	}
	out = make([]Cell, len(f.metadata))
	for i, column := range f.metadata {
		if out[i].Absent = column < 0; out[i].Absent {
			continue
		}
		if out[i].Text, err = s.cell(ctx, f, column, row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// cell is a value as a person writes it; empty where it is null, and of numbers where it is not finite.
func (s *parquetSet) cell(ctx context.Context, f *parquetFile, column int, row int64) (string, error) {
	file := s.store.Reader(ctx, f.object)
	switch kind := f.file.Columns[column].Kind; kind {
	case parquet.Text:
		values, err := f.reader.Bytes(file, column, row, textBytes)
		if err != nil || len(values) == 0 {
			return "", err
		}
		return strings.ToValidUTF8(strings.TrimSpace(string(values[0])), "\uFFFD"), nil
	case parquet.Real:
		values, bits, err := f.reader.Reals(file, column, row)
		if err != nil || len(values) == 0 || math.IsNaN(values[0]) || math.IsInf(values[0], 0) {
			return "", err
		}
		return strconv.FormatFloat(values[0], 'g', -1, bits), nil
	default:
		values, err := f.reader.Ints(file, column, row)
		if err != nil || len(values) == 0 {
			return "", err
		}
		if kind == parquet.Boolean {
			return strconv.FormatBool(values[0] != 0), nil
		}
		return strconv.FormatInt(values[0], 10), nil
	}
}
