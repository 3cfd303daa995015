// Package admission finds the model references in Kubernetes objects and turns
// verdicts into admission answers.
//
// It fetches nothing and judges nothing: it says where a reference stands,
// and the caller asks for the verdict. What it does not know it refuses, so
// that an empty list of references always means that there are none.
package admission
