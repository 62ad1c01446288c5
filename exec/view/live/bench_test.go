package live_test

import (
	"testing"

	"shipit/exec/event"
	"shipit/exec/view/live"
)

// BenchmarkApply is what an event of a run of 500 hosts costs the run.
func BenchmarkApply(b *testing.B) {
	s := begin(500).until(event.StepStarted, at(200, "restart"))
	e := event.Event{Type: event.Note, Host: "restbase1200.eqiad.wmnet", Text: "restbase1200.eqiad.wmnet: a line of its log", Time: s.now}
	b.ReportAllocs()
	for b.Loop() {
		e.Seq++
		s.Apply(e)
	}
}

// BenchmarkCompose is a screen of 500 hosts as far as events wait for it.
func BenchmarkCompose(b *testing.B) {
	s := begin(500).until(event.StepStarted, at(200, "restart"))
	c := s.screen(80, 24)
	b.ReportAllocs()
	for b.Loop() {
		c.Compose(s.State)
	}
}

// BenchmarkDraw is all of it.
func BenchmarkDraw(b *testing.B) {
	s := begin(500).until(event.StepStarted, at(200, "restart"))
	for name, size := range map[string][2]int{"80x24": {80, 24}, "200x60": {200, 60}} {
		b.Run(name, func(b *testing.B) {
			c := s.screen(size[0], size[1])
			c.Look = live.Look{Color: true}
			b.ReportAllocs()
			for b.Loop() {
				c.Draw(s.State)
			}
		})
	}
}
