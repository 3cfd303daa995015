//go:build tools

// Package tools pins kube-apiserver and everything that it is built of.
package tools

import _ "k8s.io/kubernetes/cmd/kube-apiserver"
