package journal_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"shipit/exec/journal"
)

func small(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(recordRun(t, t.TempDir(), someRun, 4).Path())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCheckExplains(t *testing.T) {
	t.Parallel()
	lines := bytes.SplitAfter(small(t), []byte("\n"))[:5]
	join := func(l ...[]byte) []byte { return bytes.Join(l, nil) }
	for name, c := range map[string]struct {
		data   []byte
		events int
		want   string
	}{
		"whole":        {join(lines...), 4, ""},
		"empty":        {nil, 0, "0 minor it is empty"},
		"torn":         {join(lines...)[:len(join(lines...))-9], 3, "5 minor the last"},
		"zeros":        {append(join(lines...), make([]byte, 512)...), 4, "6 minor the last 512 bytes"},
		"one missing":  {join(lines[0], lines[1], lines[3], lines[4]), 3, "3 event 2 is missing"},
		"some missing": {join(lines[0], lines[4]), 1, "2 events 1 to 3 are missing"},
		"twice":        {join(lines[0], lines[1], lines[1], lines[2]), 3, "3 it is event 1, which should stand further up"},
		"no header":    {join(lines[1:]...), 3, "1 it is no header"},
		"changed":      {bytes.Replace(join(lines...), []byte("line 2"), []byte("line 7"), 1), 3, "3 its checksum is"},
		"joined":       {bytes.Replace(join(lines...), []byte("\n{\"seq\":2"), []byte("{\"seq\":2"), 1), 2, "2 its checksum is"},
		"another":      {[]byte("hello\n"), 0, "1 it has no checksum: bytes"},
	} {
		events, flaws := journal.Check(c.data)
		text := ""
		for _, f := range flaws[:min(1, len(flaws))] {
			text = strings.Trim(string(rune('0'+f.Line))+map[bool]string{true: " minor "}[f.Minor]+map[bool]string{false: " "}[f.Minor]+f.What, " ")
		}
		if events != c.events || !strings.HasPrefix(text, c.want) || c.want == "" && text != "" {
			t.Errorf("%s: %d events, %q", name, events, text)
		}
	}
}

// TestEachFlippedBitIsFoundAndExplained flips each bit of a small journal: Load
// and Check agree that something is wrong, and neither panics.
func TestEachFlippedBitIsFoundAndExplained(t *testing.T) {
	t.Parallel()
	good := small(t)
	path := t.TempDir() + "/r.jsonl"
	for i := range good {
		for bit := range 8 {
			data := slices.Clone(good)
			data[i] ^= 1 << bit
			_, flaws := journal.Check(data)
			if len(flaws) == 0 {
				t.Fatalf("bit %d of byte %d is not noticed", bit, i)
			}
			if bit > 0 {
				continue
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			rec, err := journal.Load(path)
			if err == nil && rec.Torn == "" {
				t.Fatalf("byte %d: it is loaded as if whole", i)
			}
		}
	}
	for n := range good { // and each beginning of it
		if _, flaws := journal.Check(good[:n]); len(flaws) == 0 && (n == 0 || good[n-1] != '\n') {
			t.Fatalf("%d bytes are taken for whole", n)
		}
	}
}
