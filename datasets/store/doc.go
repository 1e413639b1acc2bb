// Package store reads files where they are: on this machine, on HTTP servers, in S3, on the Hugging Face hub, or from the output of a
// command.
//
// [Store.Find] turns a name into objects: braces and patterns are expanded, and each object is pinned to the version that it has then. A
// read of an object that has changed since is a [*ChangedError]. Temporary failures are retried before an error is returned. Names in
// objects and errors hold no credentials.
package store
