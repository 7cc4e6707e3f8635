package opcuasim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"slices"
	"time"
)

// DefaultApplicationURI names the simulated server unless it is given an
// identity with another name.
const DefaultApplicationURI = "urn:linewatch:opcuasim"

// Identity is what a server proves itself with: a key and a certificate that
// it has signed itself.
type Identity struct {
	uri         string
	key         *rsa.PrivateKey
	certificate []byte // DER, without spare capacity: the library appends to it
}

// NewIdentity makes an RSA-2048 key and a certificate for the application URI,
// valid for a year from an hour before now, for 127.0.0.1, ::1, localhost and
// the hosts given. Error: the URI is no URI.
func NewIdentity(uri string, now time.Time, hosts ...string) (*Identity, error) {
	parsed, err := url.Parse(uri)
	if err != nil || parsed.Scheme == "" {
		return nil, fmt.Errorf("application URI %q: give a URI such as %s", uri, DefaultApplicationURI)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Linewatch simulated OPC UA server", Organization: []string{"Linewatch"}},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
		// What the specification asks of an application instance certificate.
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment | x509.KeyUsageKeyEncipherment |
			x509.KeyUsageDataEncipherment | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		URIs:                  []*url.URL{parsed},
	}
	for _, host := range append([]string{"127.0.0.1", "::1", "localhost"}, hosts...) {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return &Identity{uri: uri, key: key, certificate: slices.Clip(der)}, nil
}

// ApplicationURI returns the name in the certificate.
func (i *Identity) ApplicationURI() string { return i.uri }

// Certificate returns the certificate in DER form. The slice is the caller's.
func (i *Identity) Certificate() []byte { return slices.Clone(i.certificate) }

// CertificatePEM returns the certificate in PEM form.
func (i *Identity) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.certificate})
}

// Thumbprint returns the SHA-256 of the certificate in lower-case hexadecimal
// digits, as a client may pin it.
func (i *Identity) Thumbprint() string {
	sum := sha256.Sum256(i.certificate)
	return hex.EncodeToString(sum[:])
}

// Key returns the private key, for tests that use the identity as a client's.
func (i *Identity) Key() crypto.Signer { return i.key }
