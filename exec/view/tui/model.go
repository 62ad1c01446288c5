package tui

import (
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"

	"shipit/exec/view/live"
)

// A model is what Bubble Tea runs: it hands keys and sizes to the screen and
// shows what that draws.
type model struct {
	v      *View
	screen live.Screen
	drawn  string
	second time.Time // that drawn is of
}

func newModel(v *View) *model {
	m := &model{v: v, screen: live.Screen{Width: 80, Height: 24, Look: v.o.Look, Can: v.o.Actions.Can, Replay: v.o.Replay}}
	m.draw()
	return m
}

// A beat is when the screen is looked at anew.
type beat struct{}

func nextBeat() tea.Cmd { return tea.Tick(time.Second/fps, func(time.Time) tea.Msg { return beat{} }) }

// A failure is why an action could not be done.
type failure struct{ err error }

// Init starts the clock.
func (m *model) Init() tea.Cmd { return nextBeat() }

// Update takes in a key, a size or a beat.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.screen.Width, m.screen.Height = msg.Width, msg.Height
		m.draw()
	case beat:
		m.look()
		return m, nextBeat()
	case tea.KeyPressMsg:
		cmd := m.press(msg.String())
		m.draw()
		return m, cmd
	case failure:
		m.screen.Notice = msg.err.Error()
		m.draw()
	}
	return m, nil
}

// View is the whole terminal.
func (m *model) View() tea.View {
	v := tea.NewView(m.drawn)
	v.AltScreen = true
	v.DisableBracketedPasteMode = true
	return v
}

// look draws the screen where something is new, if only the time.
func (m *model) look() {
	m.v.mu.Lock()
	dirty, open := m.v.dirty || m.v.notice != "", m.v.open
	m.v.mu.Unlock()
	if open && (dirty || !m.v.o.Now().Truncate(time.Second).Equal(m.second)) {
		m.draw()
	}
}

func (m *model) draw() {
	m.v.mu.Lock()
	if m.v.notice != "" {
		m.screen.Notice, m.v.notice = m.v.notice, ""
	}
	m.v.dirty = false
	m.screen.Now = m.v.o.Now()
	m.second = m.screen.Now.Truncate(time.Second)
	picture := m.screen.Compose(m.v.state)
	m.v.mu.Unlock() // the run waits no longer than it must
	m.drawn = picture.String()
}

// press does what a key asks for. What may take time is done elsewhere.
func (m *model) press(key string) tea.Cmd {
	m.v.mu.Lock()
	w, ok := m.screen.Press(m.v.state, key)
	m.v.mu.Unlock()
	switch {
	case !ok:
		return nil
	case w.Do == live.Leave:
		return tea.Quit
	case w.Do == live.Interrupt:
		// As the terminal would, were it not for the screen; the program's own
		// handler knows what the first, second and third of them mean.
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGINT)
		return nil
	case w.Do == live.Suspend:
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGTSTP)
		return nil
	}
	m.screen.Notice = string(w.Do) + " …"
	return func() tea.Msg {
		if err := m.v.o.Actions.Do(w); err != nil {
			return failure{err}
		}
		return nil
	}
}
