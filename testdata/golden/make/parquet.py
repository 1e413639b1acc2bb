"""Makes ../parquet: the same rows in the codecs, encodings and page versions of Parquet, and pictures in the forms that data sets have."""

import io
import json
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

OUT = pathlib.Path(__file__).parent.parent / "parquet"
ROWS = 40

# Rows that the tests compute again.
TEXTS = [None if i % 7 == 3 else f"text {i % 5} " * (i % 4) for i in range(ROWS)]
LISTS = [None if i % 11 == 5 else [None if j == 2 else f"{i}.{j}" for j in range(i % 5)] for i in range(ROWS)]
NUMBERS = [None if i % 13 == 4 else i * i - 100 for i in range(ROWS)]
BLOBS = [bytes([i]) * (i % 6) for i in range(ROWS)]

# name: codec, version of the pages, dictionaries, encoding of texts, encoding of numbers
CASES = {
    "none-1": ("none", "1.0", False, None, None),
    "snappy-1-dictionary": ("snappy", "1.0", True, None, None),
    "zstd-2-dictionary": ("zstd", "2.0", True, None, None),
    "gzip-2": ("gzip", "2.0", False, None, None),
    "lz4-1": ("lz4", "1.0", False, None, None),
    "brotli-2-dictionary": ("brotli", "2.0", True, None, None),
    "zstd-1-delta": ("zstd", "1.0", False, "DELTA_BYTE_ARRAY", "DELTA_BINARY_PACKED"),
    "none-2-lengths": ("none", "2.0", False, "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BINARY_PACKED"),
}


def rows():
    table = pa.table({
        "text": pa.array(TEXTS, pa.string()),
        "list": pa.array(LISTS, pa.list_(pa.string())),
        "int": pa.array(NUMBERS, pa.int64()),
        "sure": pa.array(range(ROWS), pa.int32()),
        "deep": pa.array([{"bytes": b, "number": 1.5} for b in BLOBS],
                         pa.struct([("bytes", pa.binary()), ("number", pa.float64())])),
        "parts": pa.array([[{"raw": t} for t in row or []] for row in LISTS],
                          pa.list_(pa.struct([("raw", pa.string())]))),
    })
    return table.cast(table.schema.set(3, pa.field("sure", pa.int32(), nullable=False)))


def encoded(name, codec, version, dictionary, texts, numbers):
    columns = {}
    for column, encoding in {"text": texts, "list.list.element": texts, "deep.bytes": texts, "parts.list.element.raw": texts,
                             "int": numbers, "sure": numbers}.items():
        if encoding:
            columns[column] = encoding
    pq.write_table(rows(), OUT / f"{name}.parquet", compression=codec, data_page_version=version, use_dictionary=dictionary,
                   column_encoding=columns or None, row_group_size=17, data_page_size=40, write_batch_size=4,
                   write_page_checksum=name == "gzip-2")


def picture(i):
    y, x = np.mgrid[:24, :24]
    rgb = np.stack([x * 10, y * 10, np.full_like(x, i * 20)], axis=-1)
    out = io.BytesIO()
    Image.fromarray(rgb.astype(np.uint8)).save(out, "JPEG", quality=80)
    return out.getvalue()


def hugging_face():
    """As the package datasets writes an Image, a ClassLabel and a list of texts."""
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
                "caption": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}}
    table = pa.table({
        "image": pa.array([{"bytes": picture(i), "path": f"{i}.jpg"} for i in range(6)],
                          pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        "label": pa.array([0, 1, 0, 1, None, 0], pa.int64()),
        "caption": pa.array([[f"picture {i}", f"the same, {i}"] for i in range(5)] + [[]], pa.list_(pa.string())),
    }).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, OUT / "huggingface.parquet", row_group_size=4)


def img2dataset():
    """As img2dataset writes with --output_format parquet: a download that failed has no bytes."""
    schema = pa.schema([("key", pa.string()), ("status", pa.string()), ("error_message", pa.string()), ("url", pa.string()),
                        ("width", pa.int32()), ("height", pa.int32()), ("sha256", pa.string()), ("caption", pa.string()),
                        ("jpg", pa.binary())])
    data = [dict(key=f"00000000{i}", status="success", error_message=None, url=f"https://example.com/{i}.jpg", width=24, height=24,
                 sha256="", caption=f"picture {i}", jpg=picture(i)) for i in range(4)]
    data[2] |= dict(status="failed_to_download", error_message="HTTP Error 404: Not Found", width=None, height=None, jpg=None)
    pq.write_table(pa.Table.from_pylist(data, schema), OUT / "img2dataset.parquet")


def main():
    OUT.mkdir(exist_ok=True)
    for name, case in CASES.items():
        encoded(name, *case)
    hugging_face()
    img2dataset()
    urls = {"SAMPLE_ID": [1, 2], "URL": ["https://example.com/1.jpg", "https://example.com/2.jpg"], "TEXT": ["one", "two"]}
    pq.write_table(pa.table(urls), OUT / "laion.parquet")


if __name__ == "__main__":
    main()
