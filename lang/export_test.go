package lang

// Plainly makes HCL evaluate every expression for every host: what must give
// the same.
func (c *Config) Plainly() { c.plainly = true }
