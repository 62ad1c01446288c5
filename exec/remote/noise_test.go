package remote

import (
	"slices"
	"testing"
)

func TestWhatALoginShellSaysByItselfIsHeardApart(t *testing.T) {
	t.Parallel()
	var noise, output []string
	w := newWatch(Command{
		Noise: func(line string) { noise = append(noise, line) },
		On: func(r Record) {
			if r.Kind == Output {
				output = append(output, r.Text)
			}
		},
	}, "n")
	w.split.Write([]byte("Welcome\n\x1en hello\n\x1en begin s\nworks\n"))
	w.noise([]byte("stty: not a terminal\n"), true)
	w.mute()
	w.stranger("late")
	if want := []string{"Welcome", "stty: not a terminal"}; !slices.Equal(noise, want) {
		t.Errorf("noise %q, want %q", noise, want)
	}
	if want := []string{"works"}; !slices.Equal(output, want) {
		t.Errorf("output %q, want %q", output, want)
	}
}
