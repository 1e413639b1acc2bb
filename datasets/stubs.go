package datasets

// Until tables and shards are there.

func openTable(path string, _ Options) (Source, error) {
	return nil, &UsageError{Source: path, Reason: "tables are not supported yet"}
}

func openShards(src string, _ Options) (Source, error) {
	return nil, &UsageError{Source: src, Reason: "shards are not supported yet"}
}
