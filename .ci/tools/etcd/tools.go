//go:build tools

// Package tools pins etcd and everything that it is built of.
package tools

import _ "go.etcd.io/etcd/server/v3"
