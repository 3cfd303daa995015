package registry

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A network is a kind of address range. The zero value stands for addresses
// that nobody is sent to.
type network uint32

const (
	noNetwork network = iota
	publicNetwork
	privateNetwork   // RFC 1918, RFC 4193, RFC 6598
	linkLocalNetwork // also where clouds keep their metadata services
	loopbackNetwork
)

func (n network) String() string {
	return [...]string{"unusable", "public", "private", "link-local", "loopback"}[n]
}

// networkOf sorts an address. IPv6 addresses that carry an IPv4 address
// (mapped, NAT64 of RFC 6052, 6to4 of RFC 3056) are judged by that one.
func networkOf(ap netip.AddrPort) network {
	a := ap.Addr().Unmap().WithZone("")
	if a.Is6() {
		b := a.As16()
		switch {
		case netip.MustParsePrefix("64:ff9b::/96").Contains(a):
			a = netip.AddrFrom4([4]byte(b[12:16]))
		case netip.MustParsePrefix("2002::/16").Contains(a):
			a = netip.AddrFrom4([4]byte(b[2:6]))
		}
	}
	switch {
	case !a.IsValid(), a.IsUnspecified(), a.IsMulticast(),
		netip.MustParsePrefix("0.0.0.0/8").Contains(a), netip.MustParsePrefix("255.255.255.255/32").Contains(a):
		return noNetwork
	case a.IsLoopback():
		return loopbackNetwork
	case a.IsLinkLocalUnicast(), netip.MustParsePrefix("fd00:ec2::254/128").Contains(a):
		return linkLocalNetwork
	case a.IsPrivate(), netip.MustParsePrefix("100.64.0.0/10").Contains(a), netip.MustParsePrefix("fec0::/10").Contains(a):
		return privateNetwork
	default:
		return publicNetwork
	}
}

// A dialer connects on behalf of one registry. The user named the registry
// and, by environment, its proxies; every other host was named by an answer,
// and an answer from outside must not reach what only insiders can. The check
// stands behind name resolution: a guard that looks at literal addresses is
// passed by a name (go-containerregistry#2440).
type dialer struct {
	registry string // host:port
	classify func(netip.AddrPort) network
	idle     time.Duration
	now      func() time.Time
	home     atomic.Uint32 // the registry's own network, once it has answered
	proxies  sync.Map      // host:port of proxies in use
}

const (
	dialTimeout = 10 * time.Second
	keepAlive   = 30 * time.Second
)

// proxy finds the proxy for a request and remembers its address, which dial
// must let pass.
func (d *dialer) proxy(req *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(req)
	if u != nil {
		d.proxies.Store(hostPort(u), true)
	}
	return u, err
}

func (d *dialer) dial(ctx context.Context, netw, addr string) (net.Conn, error) {
	nd := net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
	if _, proxy := d.proxies.Load(addr); !proxy && addr != d.registry {
		nd.Control = func(_, address string, _ syscall.RawConn) error { return d.permit(address) }
	}
	c, err := nd.DialContext(ctx, netw, addr)
	if err != nil {
		return nil, err
	}
	return &idleConn{Conn: c, idle: d.idle, now: d.now}, nil
}

// permit judges an address that a name has been resolved to.
func (d *dialer) permit(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return refuse("refusing to connect to %q: not an address", address)
	}
	kind := d.classify(ap)
	if kind == publicNetwork || (kind != noNetwork && kind == network(d.home.Load())) {
		return nil
	}
	return refuse("refusing to be sent to the %s address %s (private address refused: %s is not on that network)", kind, ap.Addr(), d.registry)
}

// arrived remembers the network of the registry after it has answered. A mere
// connection does not count: a name may have addresses that nobody answers on.
func (d *dialer) arrived(remote net.Addr) {
	if ap, err := netip.ParseAddrPort(remote.String()); err == nil {
		d.home.Store(uint32(d.classify(ap)))
	}
}

// hostPort returns host:port of u with the scheme's default port.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// An idleConn fails when nothing moves for a while. The deadline is set when
// somebody starts to wait, so that a slow consumer is not taken for a silent
// server, and no timer or goroutine is needed.
type idleConn struct {
	net.Conn
	idle time.Duration
	now  func() time.Time
}

func (c *idleConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(c.now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *idleConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(c.now().Add(c.idle)); err != nil {
		return 0, err
	}
	// On a reused connection the transport has been waiting in Read since the
	// last answer; its clock starts again with the new request. It runs longer
	// than the transport's own time-out for headers, because the transport
	// sends a request once more, on its own account, after a failed read.
	if err := c.SetReadDeadline(c.now().Add(2 * c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
