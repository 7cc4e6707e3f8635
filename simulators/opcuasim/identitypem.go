package opcuasim

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
)

// MarshalPEM returns certificate and key in PEM, for a file that nobody else
// may read. ParseIdentity reads it.
func (i *Identity) MarshalPEM() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	return append(i.CertificatePEM(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), nil
}

// ParseIdentity reads what MarshalPEM wrote. It does not look at the dates of
// the certificate.
func ParseIdentity(text []byte) (*Identity, error) {
	var id Identity
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("certificate: %w", err)
			}
			if len(c.URIs) != 1 {
				return nil, errors.New("certificate: names no application URI")
			}
			id.uri, id.certificate = c.URIs[0].String(), slices.Clip(block.Bytes)
		case "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("key: %w", err)
			}
			id.key, _ = key.(*rsa.PrivateKey)
		}
	}
	if id.key == nil || id.certificate == nil {
		return nil, errors.New("want a certificate and its RSA key in PEM")
	}
	if c, err := x509.ParseCertificate(id.certificate); err != nil || !id.key.PublicKey.Equal(c.PublicKey) {
		return nil, errors.New("the key is not that of the certificate")
	}
	return &id, nil
}
