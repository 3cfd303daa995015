package registry

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestIdleConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := &idleConn{Conn: near, idle: 30 * time.Second, now: time.Now}
		defer c.Close()
		go func() {
			far.Write([]byte("a"))
			time.Sleep(10 * time.Second)
			far.Write([]byte("b"))
			time.Sleep(40 * time.Second) // the reader sleeps meanwhile
			far.Write([]byte("c"))
		}()
		one := make([]byte, 1)
		read := func() string {
			t.Helper()
			if _, err := c.Read(one); err != nil {
				t.Fatal(err)
			}
			return string(one)
		}
		// A pause shorter than the time-out is no error, and neither is a
		// consumer that takes longer than the time-out.
		got := read() + read()
		time.Sleep(35 * time.Second)
		got += read()
		if got != "abc" {
			t.Fatalf("read %q", got)
		}
		start := time.Now()
		if _, err := c.Read(one); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("error %v, want a time-out", err)
		}
		if d := time.Since(start); d != 30*time.Second {
			t.Errorf("silence was noticed after %v", d)
		}
	})
}

// A reused connection has been read from since the last answer. Its clock must
// start with the new request.
func TestIdleConnReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := &idleConn{Conn: near, idle: 30 * time.Second, now: time.Now}
		defer c.Close()
		got := make(chan error)
		go func() {
			_, err := c.Read(make([]byte, 1)) // the transport waits for whatever comes
			got <- err
		}()
		time.Sleep(14 * time.Second)
		go func() {
			far.Read(make([]byte, 1))
			time.Sleep(20 * time.Second) // 34 s after the last answer
			far.Write([]byte("x"))
		}()
		if _, err := c.Write([]byte("r")); err != nil {
			t.Fatal(err)
		}
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	})
}

func TestNetworkOf(t *testing.T) {
	for addr, want := range map[string]network{
		"8.8.8.8": publicNetwork, "2600::1": publicNetwork,
		"127.0.0.1": loopbackNetwork, "127.8.8.8": loopbackNetwork, "::1": loopbackNetwork, "::ffff:127.0.0.1": loopbackNetwork,
		"10.1.2.3": privateNetwork, "192.168.0.1": privateNetwork, "172.31.0.1": privateNetwork, "fd12::1": privateNetwork, "100.64.0.1": privateNetwork,
		"169.254.169.254": linkLocalNetwork, "fe80::1%eth0": linkLocalNetwork, "fd00:ec2::254": linkLocalNetwork,
		"64:ff9b::7f00:1": loopbackNetwork, "64:ff9b::a9fe:a9fe": linkLocalNetwork, "2002:7f00:1::": loopbackNetwork,
		"0.0.0.0": noNetwork, "::": noNetwork, "0.1.2.3": noNetwork, "224.0.0.1": noNetwork, "255.255.255.255": noNetwork,
	} {
		if got := networkOf(netip.AddrPortFrom(netip.MustParseAddr(addr), 443)); got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
}

// A registry outside must not send its client to where only insiders get, by
// address or by name, with a redirect, a token service or a next link.
func TestPrivateAddressRefused(t *testing.T) {
	for _, target := range []string{"127.0.0.1", "localhost"} {
		for _, via := range []string{"redirect", "realm"} {
			for _, inside := range []bool{false, true} {
				name := via + " to " + target
				if inside {
					name += " from inside"
				}
				t.Run(name, func(t *testing.T) {
					var hits atomic.Int32
					data := randomBytes(100)
					canary := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						hits.Add(1)
						if via == "realm" {
							w.Write([]byte(`{"token":"t"}`))
							return
						}
						w.Write(data)
					}))
					defer canary.Close()
					elsewhere := "http://" + strings.Replace(canary.Listener.Addr().String(), "127.0.0.1", target, 1) + "/x"
					f := newFake(t)
					d := f.putBlob(data)
					f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
						if via == "redirect" {
							http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
							return true
						}
						if r.Header.Get("Authorization") != "" {
							return false
						}
						w.Header().Set("WWW-Authenticate", `Bearer realm="`+elsewhere+`"`)
						w.WriteHeader(http.StatusUnauthorized)
						return true
					}
					cfg := testConfig(nil)
					if !inside {
						own := netip.MustParseAddrPort(f.host()).Port()
						cfg.classify = func(ap netip.AddrPort) network {
							if ap.Port() == own {
								return publicNetwork
							}
							return networkOf(ap)
						}
					}
					_, err := readBlob(t, openStore(t, cfg, f.host()+"/"+repo+":v1"), d)
					if inside {
						if err != nil || hits.Load() == 0 {
							t.Fatalf("error %v, %d requests: what is on one network may point to each other", err, hits.Load())
						}
						return
					}
					if !errors.Is(err, ErrResponse) || !strings.Contains(err.Error(), "private address refused") {
						t.Errorf("error %v, want a refusal", err)
					}
					if n := hits.Load(); n != 0 {
						t.Errorf("%d requests reached the inside", n)
					}
				})
			}
		}
	}
}

// Before the registry has answered nothing is known of its network.
func TestPermitBeforeArrival(t *testing.T) {
	d := &dialer{registry: "registry.example:443", classify: networkOf}
	for addr, ok := range map[string]bool{
		"8.8.8.8:443": true, "127.0.0.1:443": false, "10.0.0.1:443": false, "169.254.169.254:80": false, "0.0.0.0:80": false, "garbage": false,
	} {
		if err := d.permit(addr); (err == nil) != ok {
			t.Errorf("%s: error %v", addr, err)
		}
	}
	d.arrived(&net.TCPAddr{IP: net.IPv4(10, 1, 1, 1), Port: 443})
	for addr, ok := range map[string]bool{"10.0.0.1:443": true, "127.0.0.1:443": false, "169.254.169.254:80": false, "0.0.0.0:80": false} {
		if err := d.permit(addr); (err == nil) != ok {
			t.Errorf("from a private network, %s: error %v", addr, err)
		}
	}
}
