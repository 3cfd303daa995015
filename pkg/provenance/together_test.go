package provenance

import "testing"

// A panic beside the caller does not end the process past whoever would have
// caught it.
func TestTogether(t *testing.T) {
	first, second := false, false
	together(func() { first = true }, func() { second = true })
	if !first || !second {
		t.Errorf("called: %v, %v", first, second)
	}
	nothing := func() {}
	fault := func() { panic("a fault") }
	for _, two := range [][2]func(){{fault, nothing}, {nothing, fault}, {fault, fault}} {
		var caught any
		func() {
			defer func() { caught = recover() }()
			together(two[0], two[1])
		}()
		if caught != "a fault" {
			t.Errorf("caught %v", caught)
		}
	}
}
