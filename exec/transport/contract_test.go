package transport_test

import (
	"testing"

	"shipit/exec/transport/transporttest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	for _, k := range transporttest.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			transporttest.Run(t, k)
		})
	}
}
