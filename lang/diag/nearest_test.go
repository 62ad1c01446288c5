package diag_test

import (
	"testing"

	"pgregory.net/rapid"

	"shipit/lang/diag"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		candidates []string
		want       string
	}{
		{"hosst", []string{"user", "hosts", "host"}, "hosts"}, // a swap is one edit, as is a deletion: the first wins
		{"hosst", []string{"host", "hosts"}, "host"},
		{"chek", []string{"batch", "check"}, "check"},
		{"strng", []string{"number", "string", "bool"}, "string"},
		{"tranpsort", []string{"transport"}, "transport"},
		{"reqiured_verison", []string{"required_version"}, "required_version"},
		{"at", []string{"on", "to", "by"}, ""},
		{"ta", []string{"at"}, "at"},
		{"a", []string{"b"}, ""},
		{"", []string{"x", "y"}, ""},
		{"completely", []string{"different"}, ""},
		{"Hosts", []string{"hosts"}, "hosts"},
		{"größe", []string{"grösse", "größen"}, "größen"},
		{"x", nil, ""},
	}
	for _, tt := range tests {
		if got := diag.Nearest(tt.name, tt.candidates); got != tt.want {
			t.Errorf("Nearest(%q, %q) = %q, want %q", tt.name, tt.candidates, got, tt.want)
		}
	}
}

func TestNearestIsACandidate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-d]{0,6}`)
		name := word.Draw(t, "name")
		candidates := rapid.SliceOf(word).Draw(t, "candidates")
		got := diag.Nearest(name, candidates)
		found := got == ""
		for _, c := range candidates {
			if c == name && c != "" && got != name {
				t.Fatalf("Nearest(%q, %q) = %q although the name itself is there", name, candidates, got)
			}
			found = found || c == got
		}
		if !found {
			t.Fatalf("Nearest(%q, %q) = %q, which is none of them", name, candidates, got)
		}
	})
}

func TestCertainLeavesNoRoomForDoubt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		candidates []string
		want       string
	}{
		{"hosst", []string{"user", "hosts"}, "hosts"},
		{"hosst", []string{"host", "hosts"}, ""}, // either
		{"hosst", []string{"hosts", "hosts"}, "hosts"},
		{"worker2", []string{"worker1"}, ""}, // another one, not declared
		{"wroker1", []string{"worker1"}, "worker1"},
		{"wroker1", []string{"worker1", "worker2"}, ""},
		{"ta", []string{"at"}, ""},
		{"color", []string{"hosts"}, ""},
		{"x", nil, ""},
	}
	for _, tt := range tests {
		if got := diag.Certain(tt.name, tt.candidates); got != tt.want {
			t.Errorf("Certain(%q, %q) = %q, want %q", tt.name, tt.candidates, got, tt.want)
		}
	}
}
