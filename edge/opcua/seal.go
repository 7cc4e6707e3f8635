package opcua

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uapolicy"

	"linewatch"
)

// Sequence numbers of chunks start again at any number below lowSequence once
// they are above highSequence (OPC 10000-6, 6.7.2.4).
const (
	lowSequence  = 1024
	highSequence = 1<<32 - 1024
)

// bigKey is the size in bytes of keys above which padding has a second length
// byte.
const bigKey = 256

// seal completes a chunk that so far has its headers: sequence numbers, body,
// padding, signature and encryption.
func (c *channel) seal(b []byte, id uint32, body []byte, algo *uapolicy.EncryptionAlgorithm, encrypt bool) ([]byte, error) {
	head := len(b)
	if c.sent++; c.sent > highSequence {
		c.sent = 1
	}
	b = binary.LittleEndian.AppendUint32(b, c.sent)
	b = binary.LittleEndian.AppendUint32(b, id)
	b = append(b, body...)
	size := len(b) + algo.SignatureLength()
	if encrypt {
		b = pad(b, head, algo)
		plain := len(b) - head + algo.SignatureLength()
		size = head + plain/algo.PlaintextBlockSize()*algo.BlockSize()
	}
	if size > c.wire.sendChunk {
		return nil, fmt.Errorf("a chunk of %d bytes is more than the server takes", size)
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(size))
	signature, err := algo.Signature(b)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	b = append(b, signature...)
	if !encrypt {
		return b, nil
	}
	secret, err := algo.Encrypt(b[head:])
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return append(b[:head], secret...), nil
}

// pad fills up to whole blocks: size of the padding, padding, and the high
// byte of the size for big keys (OPC 10000-6, 6.7.2.5).
func pad(b []byte, head int, algo *uapolicy.EncryptionAlgorithm) []byte {
	extra := 0
	if algo.RemoteSignatureLength() > bigKey {
		extra = 1
	}
	block := algo.PlaintextBlockSize()
	used := len(b) - head + 1 + extra + algo.SignatureLength()
	padding := (block - used%block) % block
	b = append(b, bytes.Repeat([]byte{byte(padding)}, 1+padding)...)
	if extra > 0 {
		b = append(b, byte(padding>>8))
	}
	return b
}

// receive puts together the next message. opening is the algorithm of an
// answer with keys; without one there must be none.
func (c *channel) receive(ctx context.Context, opening *uapolicy.EncryptionAlgorithm) (a answer, err error) {
	c.body = c.body[:0]
	for chunks := 1; chunks <= maxChunks; chunks++ {
		chunk, err := c.wire.read(ctx)
		if err != nil {
			return a, err
		}
		kind, part := chunk[3], []byte(nil)
		switch string(chunk[:3]) {
		case "MSG":
			part, err = c.unsealMessage(chunk)
		case "OPN":
			if opening == nil || chunks > 1 || kind != chunkFinal {
				return a, protocolError("keys that were not asked for")
			}
			part, err = c.unsealOpen(chunk, opening)
		default:
			return a, protocolError("a message of kind %q", chunk[:3])
		}
		if err != nil {
			return a, err
		}
		id := binary.LittleEndian.Uint32(part[4:])
		if chunks > 1 && id != a.request {
			return a, protocolError("chunks of two messages are mixed")
		}
		a.request = id
		part = part[8:]
		switch {
		case kind == chunkAborted:
			r := reader{b: part}
			a.err = statusError(r.uint32())
			return a, nil
		case len(c.body)+len(part) > maxMessage:
			return a, protocolError("a message of more than %d bytes", maxMessage)
		}
		c.body = append(c.body, part...)
		switch kind {
		case chunkFinal:
			a.body = c.body
			return a, nil
		case chunkIntermediate:
		default:
			return a, protocolError("a chunk of kind %q", kind)
		}
	}
	return a, protocolError("a message of more than %d chunks", maxChunks)
}

// unsealMessage returns sequence header and body of a chunk.
func (c *channel) unsealMessage(chunk []byte) ([]byte, error) {
	r := reader{b: chunk[headerSize:]}
	channel, id := r.uint32(), r.uint32()
	if r.failed || channel != c.id {
		return nil, protocolError("a message on channel %d instead of %d", channel, c.id)
	}
	for i := range c.tokens {
		if t := &c.tokens[i]; t.algo != nil && t.id == id {
			return c.unseal(chunk, len(chunk)-len(r.b), t.algo, c.mode == ua.MessageSecurityModeSignAndEncrypt)
		}
	}
	return nil, protocolError("a message with keys that were never agreed on")
}

// unsealOpen does the same for an answer with keys, which must come by the
// policy that was asked for and from the certificate that was checked.
func (c *channel) unsealOpen(chunk []byte, algo *uapolicy.EncryptionAlgorithm) ([]byte, error) {
	r := reader{b: chunk[headerSize:]}
	r.uint32() // the channel, which is in the answer as well
	policy, certificate, thumbprint := r.string(), r.bytes(), r.bytes()
	switch {
	case r.failed:
		return nil, protocolError("a short answer with keys")
	case policy != c.policy:
		return nil, protocolError("it answered with security policy %q instead of %q", policy, c.policy)
	case c.none():
	case !sameLeaf(certificate, c.server):
		return nil, errors.New("the server opened the channel with another certificate than the one that was checked")
	case !bytes.Equal(thumbprint, uapolicy.Thumbprint(c.identity.certificate.Raw)):
		return nil, protocolError("the answer is meant for another certificate")
	}
	return c.unseal(chunk, len(chunk)-len(r.b), algo, !c.none())
}

// errUntrue is deliberately the same for everything that cryptography finds
// wrong.
var errUntrue = protocolError("a message whose encryption or signature is wrong")

// unseal decrypts and verifies a chunk whose first head bytes are clear, and
// returns what follows them without padding and signature. It also checks that
// no chunk is missing or repeated.
func (c *channel) unseal(chunk []byte, head int, algo *uapolicy.EncryptionAlgorithm, encrypted bool) ([]byte, error) {
	if encrypted {
		plain, err := algo.Decrypt(chunk[head:])
		if err != nil {
			return nil, errUntrue
		}
		chunk = append(chunk[:head:head], plain...)
	}
	end := len(chunk) - algo.RemoteSignatureLength()
	if end < head+8 {
		return nil, errUntrue
	}
	if err := algo.VerifySignature(chunk[:end], chunk[end:]); err != nil {
		return nil, errUntrue
	}
	if encrypted {
		padding := int(chunk[end-1]) + 1
		if algo.SignatureLength() > bigKey {
			padding = int(chunk[end-1])<<8 + int(chunk[end-2]) + 2
		}
		if end -= padding; end < head+8 {
			return nil, errUntrue
		}
	}
	part := chunk[head:end]
	n := binary.LittleEndian.Uint32(part)
	wrapped := c.received >= highSequence && n < lowSequence
	if c.received != 0 && n != c.received+1 && !wrapped {
		return nil, protocolError("chunk %d after %d", n, c.received)
	}
	c.received = n
	return part, nil
}

// maxDecoded bounds what the library decodes: it recurses once for every level
// of nesting, and a level can be as small as a byte.
const maxDecoded = 128 << 10

// decodeAs decodes an answer of the type R. A refusal becomes a statusError.
func decodeAs[R ua.Response](body []byte) (res R, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = protocolError("an answer that cannot be decoded: %v", r)
		}
	}()
	if len(body) > maxDecoded {
		return res, protocolError("an answer of %d bytes; %d are taken", len(body), maxDecoded)
	}
	_, decoded, err := ua.DecodeService(bytes.Clone(body)) // byte strings in it are not copied
	if err != nil {
		return res, protocolError("an answer that cannot be decoded: %v", err)
	}
	response, ok := decoded.(ua.Response)
	if !ok || response.Header() == nil {
		return res, protocolError("a %T as an answer", decoded)
	}
	if code := response.Header().ServiceResult; qualityOf(code) == linewatch.Bad {
		return res, statusError(code)
	}
	res, ok = decoded.(R)
	if !ok {
		return res, protocolError("a %T instead of a %T", decoded, res)
	}
	return res, nil
}
