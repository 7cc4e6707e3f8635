package edge

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What an OPCUAConfig means where it says nothing.
const (
	DefaultMode   = "SignAndEncrypt"
	DefaultPolicy = "Basic256Sha256"
	DefaultQueue  = 20
	DefaultDelay  = Span(500 * time.Millisecond)
	none          = "None"
)

const (
	maxQueue = 1000
	maxDelay = Span(time.Minute)
)

// modes and policies are what the fields of these names may say.
func modes() []string { return []string{DefaultMode, "Sign", none} }

func policies() []string {
	return []string{DefaultPolicy, "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss", none}
}

// withDefaults fills in what was left out. interval is the source's.
func (o OPCUAConfig) withDefaults(interval Span) OPCUAConfig {
	if o.Mode == "" {
		o.Mode = DefaultMode
	}
	if o.Policy == "" {
		o.Policy = DefaultPolicy
		if o.Mode == none {
			o.Policy = none
		}
	}
	if o.Sampling == 0 {
		o.Sampling = interval
	}
	if o.Queue == 0 {
		o.Queue = DefaultQueue
	}
	if o.Delay == 0 {
		o.Delay = DefaultDelay
	}
	return o
}

// validate reports every mistake, with the path of the field.
func (o *OPCUAConfig) validate(path string) (errs []error) {
	fail := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf(path+"."+field+": "+format, args...))
	}
	if !slices.Contains(modes(), o.Mode) {
		fail("mode", "%.40q is unknown; use %s", o.Mode, strings.Join(modes(), " or "))
	}
	if !slices.Contains(policies(), o.Policy) {
		fail("policy", "%.40q is unknown or too weak; use %s", o.Policy, strings.Join(policies(), " or "))
	}
	if (o.Mode == none) != (o.Policy == none) {
		fail("policy", "%s with mode %s; use None for both or for neither", o.Policy, o.Mode)
	}
	switch {
	case o.Insecure:
	case o.Mode == none:
		fail("mode", "None lets anybody on the network read and alter what is sent; use %s, or say insecure: true", DefaultMode)
	case len(o.Trust) == 0 && o.Thumbprint == "":
		fail("trust", "missing; name the file of the server's certificate, or give its SHA-256 as thumbprint, or say insecure: true")
	}
	if len(o.Trust) > 0 && o.Thumbprint != "" {
		fail("thumbprint", "beside trust; use one of them")
	}
	if o.Thumbprint != "" {
		if _, err := ParseThumbprint(o.Thumbprint); err != nil {
			fail("thumbprint", "%v", err)
		}
	}
	return append(errs, o.validateRest(path)...)
}

func (o *OPCUAConfig) validateRest(path string) (errs []error) {
	fail := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf(path+"."+field+": "+format, args...))
	}
	if (o.CertificateFile == "") != (o.KeyFile == "") {
		fail("certificateFile", "without its partner; give certificateFile and keyFile, or neither to have both made")
	}
	if (o.User == "") != (o.PasswordFile == "") {
		fail("user", "without its partner; give user and passwordFile, or neither to be anonymous")
	}
	if o.Sampling < 0 || o.Sampling > maxInterval {
		fail("sampling", "%v; use 1ms to %v", o.Sampling, maxInterval)
	}
	if o.Queue < 1 || o.Queue > maxQueue {
		fail("queue", "%d; use 1 to %d", o.Queue, maxQueue)
	}
	if o.Delay < 0 || o.Delay > maxDelay {
		fail("delay", "%v; use 1ms to %v", o.Delay, maxDelay)
	}
	return errs
}

// isZero reports whether nothing was said.
func (o *OPCUAConfig) isZero() bool {
	return o.Mode == "" && o.Policy == "" && !o.Insecure && len(o.Trust) == 0 && o.Thumbprint == "" &&
		o.CertificateFile == "" && o.KeyFile == "" && o.User == "" && o.PasswordFile == "" &&
		o.Sampling == 0 && o.Queue == 0 && o.Delay == 0
}

// ParseThumbprint reads the SHA-256 of a certificate as the tools write it:
// 64 hexadecimal digits, with colons or spaces or without.
func ParseThumbprint(s string) ([]byte, error) {
	digits := strings.NewReplacer(":", "", " ", "").Replace(s)
	sum, err := hex.DecodeString(digits)
	if err != nil || len(sum) != 32 {
		return nil, errors.New("want the 64 hexadecimal digits of a SHA-256; 40 are a SHA-1, which is too weak")
	}
	return sum, nil
}
