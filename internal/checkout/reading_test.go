package checkout

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is remembered of a cart is what its text says, whatever readers did with it, and only a few are remembered.
func TestReadings(t *testing.T) {
	var r readings
	text := func(quantity int) string {
		return fmt.Sprintf(`{"lines": [{"sku": "A", "quantity": %d}], "consents": [{"channel": "sms"}]}`, quantity)
	}
	for range 3 {
		b, err := r.read("crt_1", text(1))
		require.NoError(t, err)
		require.Equal(t, int64(1), b.Lines[0].Quantity)
		require.False(t, b.Consents[0].Granted)
		b.Lines[0].Quantity, b.Consents[0].Granted = 9, true
	}
	b, err := r.read("crt_1", text(2))
	require.NoError(t, err)
	require.Equal(t, int64(2), b.Lines[0].Quantity)
	_, err = r.read("crt_1", `{`)
	require.Error(t, err)
	b, err = r.read("crt_1", text(2))
	require.NoError(t, err)
	require.Equal(t, int64(2), b.Lines[0].Quantity)
	for i := range 10 * mostRead {
		_, err := r.read(fmt.Sprint(i), text(i))
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(r.young)+len(r.old), 2*mostRead)
}
