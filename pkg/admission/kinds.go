package admission

import (
	"slices"
	"strings"
)

// groupKind is the table's key: "group/Kind", without the version. Fields
// where references stand have kept their places over the versions in use.
func groupKind(version, kind string) string {
	group, _, ok := strings.Cut(version, "/")
	if !ok {
		group = "" // the core group: "v1"
	}
	return group + "/" + kind
}

// at reads a site from its dotted form: "spec.containers[].image".
func at(path string, kind Kind, form form) site {
	return site{path: strings.Split(strings.ReplaceAll(path, "[", ".["), "."), kind: kind, form: form}
}

// pod lists the sites of the pod specifications below the given places.
func pod(places ...string) []site {
	var out []site
	for _, p := range places {
		out = append(out,
			at(p+".containers[].image", KindImage, plain),
			at(p+".initContainers[].image", KindImage, plain),
			at(p+".ephemeralContainers[].image", KindImage, plain),
			at(p+".volumes[].image.reference", KindModel, plain), // KEP-4639
			attribute(p+".volumes[].csi.volumeAttributes", modelpackCSI),
		)
	}
	return out
}

// modelpackCSI is the volume attribute by which the CSI driver of ModelPack
// mounts a model (modelpack/model-csi-driver).
const modelpackCSI = "model.csi.modelpack.org/reference"

// attribute is a site whose last member has a name with dots in it.
func attribute(path, name string) site {
	s := at(path, KindModel, plain)
	s.path = append(s.path, name)
	return s
}

func images(paths ...string) []site {
	var out []site
	for _, p := range paths {
		out = append(out, at(p, KindImage, plain))
	}
	return out
}

func models(paths ...string) []site {
	var out []site
	for _, p := range paths {
		out = append(out, at(p, KindModel, uri))
	}
	return out
}

func elsewhere(paths ...string) []site {
	var out []site
	for _, p := range paths {
		out = append(out, at(p, KindModel, foreign))
	}
	return out
}

// sitesOf returns where references stand in a kind, and whether it is known.
func sitesOf(key string) ([]site, bool) {
	for _, look := range []func(string) []site{coreSites, kserveSites, batchSites, pipelineSites, vendorSites} {
		if s := look(key); s != nil {
			return s, true
		}
	}
	return nil, slices.Contains(without, key)
}
