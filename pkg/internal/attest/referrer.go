package attest

import (
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// The artifact type of notation's signatures (notaryproject specifications,
// signature-specification.md §Storage).
const notationType = "application/vnd.cncf.notary.signature"

// A form is how a layer holds what is to be judged.
type form uint8

const (
	formBundle   form = iota // a Sigstore bundle
	formClaims               // cosign's older signatures
	formEnvelope             // cosign's older attestations
)

// formOf returns the form that a layer's type stands for.
func formOf(mediaType string) (f form, ok bool) {
	switch {
	case strings.HasPrefix(mediaType, bundleType):
		return formBundle, true
	case mediaType == simpleSigningType:
		return formClaims, true
	case mediaType == envelopeType:
		return formEnvelope, true
	default:
		return formBundle, false
	}
}

// A slot is a candidate, and the layer to judge for it unless it is decided.
type slot struct {
	candidate   provenance.Candidate
	layer       artifact.Descriptor
	form        form
	annotations map[string]string // of the layer
	config      *config           // of the referring manifest, shared by its layers
	keep        bool              // hand the predicate on, if it is an attestation that holds
	decided     bool
	outcome     outcome
}

// A manifest is what a referring OCI manifest says about itself.
type manifest struct {
	MediaType    string       `json:"mediaType"`
	ArtifactType string       `json:"artifactType"`
	Config       descriptor   `json:"config"`
	Layers       []descriptor `json:"layers"`
	Manifests    []descriptor `json:"manifests"`
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Data        []byte            `json:"data"`
	Annotations map[string]string `json:"annotations"`
}

// listSlots looks at what each referring manifest holds, never at what a
// listing says of it: registries and old fallback indexes get that wrong
// (cosign#4422, cosign#4995), and strangers may lie.
func listSlots(found []Referrer) []slot {
	var slots []slot
	total := int64(0)
	for _, r := range found {
		for _, s := range referrerSlots(r) {
			if !s.decided {
				total += s.layer.Size + s.config.size()
				s.keep = total <= MaxPredicates
			}
			switch {
			case s.decided:
			case len(slots) >= MaxCandidates:
				s.deny(refuse(provenance.CodeLimitExceeded, "it was not looked at: there are more than %d candidates", MaxCandidates))
			case total > MaxTotal:
				s.deny(refuse(provenance.CodeLimitExceeded, "it was not looked at: the candidates have more than %d bytes", MaxTotal))
			}
			slots = append(slots, s)
		}
	}
	return slots
}

func (s *slot) deny(err error) {
	s.decided = true
	deny(&s.candidate, err)
}

// referrerSlots returns one slot per bundle in r, or one that says why there
// is none.
func referrerSlots(r Referrer) []slot {
	base := slot{candidate: provenance.Candidate{Layout: r.Layout, Digest: r.Descriptor.Digest}}
	refused := func(err error) []slot {
		base.deny(err)
		return []slot{base}
	}
	if r.Err != nil {
		return refused(r.Err)
	}
	var m manifest
	if err := strictjson.Decode(r.Body, &m); err != nil {
		return refused(refuse(provenance.CodeManifestMalformed, "the referring manifest is %v", err))
	}
	layers, err := m.bundles()
	if err != nil {
		return refused(err)
	}
	if base.config, err = m.Config.readConfig(); err != nil {
		return refused(err)
	}
	var slots []slot
	for i, l := range layers {
		s := base
		if i >= MaxBundles {
			s.deny(refuse(provenance.CodeLimitExceeded, "its manifest holds %d bundles, over the limit of %d", len(layers), MaxBundles))
			return append(slots, s)
		}
		if s.layer, err = l.read(); err != nil {
			s.deny(err)
		}
		s.form, _ = formOf(l.MediaType)
		s.annotations = l.Annotations
		slots = append(slots, s)
	}
	return slots
}

// bundles returns the layers that are Sigstore bundles, older signatures or
// older attestations: by their own type, or all of them where the manifest as a
// whole calls itself a bundle.
func (m manifest) bundles() ([]descriptor, error) {
	kind := m.ArtifactType
	if kind == "" {
		kind = m.Config.MediaType
	}
	var own []descriptor
	for _, l := range m.Layers {
		if _, ok := formOf(l.MediaType); ok {
			own = append(own, l)
		}
	}
	switch {
	case len(own) > 0:
		return own, nil
	case strings.HasPrefix(kind, bundleType) && len(m.Layers) > 0:
		return m.Layers, nil
	case strings.HasPrefix(kind, bundleType):
		return nil, refuse(provenance.CodeSignatureMalformed, "its manifest calls itself a bundle and holds none")
	case kind == notationType:
		return nil, refuse(provenance.CodeNotASignature, "a notation signature: present, not evaluated")
	case len(m.Manifests) > 0:
		return nil, refuse(provenance.CodeNotASignature, "an index of type %q", kind)
	default:
		return nil, refuse(provenance.CodeNotASignature, "an artifact of type %q", kind)
	}
}

// read checks a layer's descriptor before anything is fetched or allocated.
func (d descriptor) read() (artifact.Descriptor, error) {
	digest, err := artifact.ParseDigest(d.Digest)
	if err != nil {
		return artifact.Descriptor{}, refuse(provenance.CodeManifestMalformed, "the descriptor of a bundle: %v", err)
	}
	if d.Size <= 0 {
		return artifact.Descriptor{}, refuse(provenance.CodeManifestMalformed, "the descriptor of a bundle: size %d", d.Size)
	}
	if d.Size > MaxBundle {
		return artifact.Descriptor{}, refuse(provenance.CodeLimitExceeded, "a bundle of %d bytes is over the limit of %d", d.Size, MaxBundle)
	}
	return artifact.Descriptor{MediaType: d.MediaType, Digest: digest, Size: d.Size}, nil
}
