package geo_test

import (
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/geo"
)

func TestCountry(t *testing.T) {
	for ip, want := range map[string]string{
		"8.8.8.8": "US", "::ffff:8.8.8.8": "US", "2001:4860:4860::8888": "US", "193.99.144.80": "DE", "2a02:2e0:3fe:1001:302::": "DE", "212.58.244.20": "GB",
		"202.134.0.155": "ID", "202.188.0.133": "MY", "114.114.114.114": "CN",
		"127.0.0.1": "", "10.1.2.3": "", "192.168.1.1": "", "::1": "", "fe80::1%eth0": "", "0.0.0.0": "", "255.255.255.255": "",
		"100.64.0.1": "", "192.0.2.1": "", "198.51.100.7": "", "203.0.113.9": "", "2001:db8::1": "", "fd00::1": "", "224.0.0.1": "", "ff02::1": "",
	} {
		code, ok := geo.Country(netip.MustParseAddr(ip))
		require.Equal(t, want, code, ip)
		require.Equal(t, want != "", ok, ip)
	}
	_, ok := geo.Country(netip.Addr{})
	require.False(t, ok)
}

// A table that is missing, empty, cut off or scrambled makes no suggestion and no trouble.
func TestBadTable(t *testing.T) {
	good, err := os.ReadFile("data/country.mmdb")
	require.NoError(t, err)
	google := netip.MustParseAddr("8.8.8.8")
	require.NotNil(t, geo.Read(good))
	scrambled := append([]byte(nil), good...)
	for i := 0; i < len(scrambled)-4096; i += 3 {
		scrambled[i] ^= 0x5a
	}
	for name, file := range map[string][]byte{
		"missing": nil, "empty": {}, "text": []byte("not a table"), "first half": good[:len(good)/2], "second half": good[len(good)/2:], "tail": good[len(good)-4096:], "scrambled": scrambled,
	} {
		table := geo.Read(file)
		for _, ip := range []netip.Addr{google, netip.MustParseAddr("2a02:2e0:3fe:1001:302::"), {}} {
			code, ok := table.Country(ip)
			require.Equal(t, ok, len(code) == 2, name)
			if name != "scrambled" && name != "second half" {
				require.False(t, ok, name)
			}
		}
	}
}

func TestTogether(t *testing.T) {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 1000 {
				geo.Country(netip.AddrFrom4([4]byte{byte(j), byte(i), byte(j >> 3), 1}))
			}
		})
	}
	all.Wait()
}

// The table is read in place: looking up must not take its megabytes into the heap.
func TestMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	geo.Country(netip.MustParseAddr("8.8.8.8"))
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(256<<10))
}

func BenchmarkCountry(b *testing.B) {
	ip := netip.MustParseAddr("193.99.144.80")
	b.ReportAllocs()
	for b.Loop() {
		geo.Country(ip)
	}
}
