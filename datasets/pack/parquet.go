package pack

import (
	"encoding/json"
	"io"

	"github.com/parquet-go/parquet-go"
)

// row is a sample in a Parquet file. The picture has the form of the Python package datasets.
type row struct {
	Image struct {
		Bytes []byte `parquet:"bytes,optional,plain"` // compressed already
		Path  string `parquet:"path,optional"`
	} `parquet:"image,optional"`
	Caption        *string  `parquet:"caption,optional,snappy"`
	Captions       []string `parquet:"captions,list,snappy"` // all, even if there is one
	Key            string   `parquet:"key,snappy"`
	Width          int32    `parquet:"width,snappy"`
	Height         int32    `parquet:"height,snappy"`
	OriginalWidth  int32    `parquet:"original_width,snappy"`
	OriginalHeight int32    `parquet:"original_height,snappy"`
	OriginalPath   string   `parquet:"original_path,snappy"`
	SHA256         string   `parquet:"sha256,snappy"`
}

// labelledRow is a row of a set with classes.
type labelledRow struct {
	row
	Label *int64 `parquet:"label,optional,snappy"`
}

// The limits of a row group. A reader needs memory for one of them.
const (
	groupRows  = 1000
	groupBytes = 64 << 20
)

// parquetWriter writes samples as rows.
type parquetWriter struct {
	plain    *parquet.GenericWriter[row]
	labelled *parquet.GenericWriter[labelledRow] // of a set with classes; else nil
	rows     int
	bytes    int64 // of the row group
}

func newParquetWriter(w io.Writer, classes []string) (*parquetWriter, error) {
	features, err := features(classes)
	if err != nil {
		return nil, err
	}
	options := []parquet.WriterOption{
		parquet.KeyValueMetadata("huggingface", features), parquet.CreatedBy("clipgo", "1", ""),
		parquet.SkipPageBounds("image", "bytes"), parquet.SkipPageStatistics("image", "bytes"), // each would repeat whole pictures
	}
	if len(classes) > 0 {
		return &parquetWriter{labelled: parquet.NewGenericWriter[labelledRow](w, options...)}, nil
	}
	return &parquetWriter{plain: parquet.NewGenericWriter[row](w, options...)}, nil
}

// features describes the columns for the Python package datasets, which then decodes the pictures and names the classes.
func features(classes []string) (string, error) {
	type feature map[string]any
	value := func(dtype string) feature { return feature{"dtype": dtype, "_type": "Value"} }
	all := feature{
		"image": feature{"_type": "Image"}, "caption": value("string"),
		"captions": feature{"feature": value("string"), "_type": "List"}, "key": value("string"),
		"width": value("int32"), "height": value("int32"), "original_width": value("int32"), "original_height": value("int32"),
		"original_path": value("string"), "sha256": value("string"),
	}
	if len(classes) > 0 {
		all["label"] = feature{"names": classes, "_type": "ClassLabel"}
	}
	text, err := json.Marshal(feature{"info": feature{"features": all}})
	return string(text), err
}

// size is about the number of bytes that a sample takes.
func (p *parquetWriter) size(s *sample) (int64, error) {
	n := len(s.file) + len(s.original) + 160
	for _, c := range s.captions {
		n += len(c)
	}
	return int64(n), nil
}

func (p *parquetWriter) add(s *sample) error {
	n, err := p.size(s)
	if err != nil {
		return err
	}
	if p.rows == groupRows || p.rows > 0 && p.bytes+n > groupBytes {
		if err := p.flush(); err != nil {
			return err
		}
	}
	p.rows, p.bytes = p.rows+1, p.bytes+n
	r := row{Captions: s.captions, Key: s.key, Width: int32(s.width), Height: int32(s.height), OriginalWidth: int32(s.originalWidth),
		OriginalHeight: int32(s.originalHeight), OriginalPath: s.original, SHA256: s.sum}
	r.Image.Bytes, r.Image.Path = s.file, s.key+"."+s.extension
	if len(s.captions) > 0 {
		r.Caption = &s.captions[0]
	}
	if p.labelled == nil {
		_, err := p.plain.Write([]row{r})
		return err
	}
	l := labelledRow{row: r}
	if label := int64(s.label); label >= 0 {
		l.Label = &label
	}
	_, err = p.labelled.Write([]labelledRow{l})
	return err
}

func (p *parquetWriter) flush() error {
	p.rows, p.bytes = 0, 0
	if p.labelled != nil {
		return p.labelled.Flush()
	}
	return p.plain.Flush()
}

func (p *parquetWriter) close() error {
	if p.labelled != nil {
		return p.labelled.Close()
	}
	return p.plain.Close()
}
