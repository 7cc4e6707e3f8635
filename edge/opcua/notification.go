package opcua

import (
	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"

	"linewatch"
)

// notification is one message of a subscription: what Publish and Republish
// bring.
type notification struct {
	sequence  uint32
	published linewatch.Time // in the server's clock; NoTime if it has none
	items     []item         // none: the server only says that it lives
	ended     error          // the subscription is over
}

// item is one new value.
type item struct {
	handle uint32
	sample
}

// publication is the answer to Publish.
type publication struct {
	notification
	subscription uint32
	more         bool // another one waits already
}

// parsePublication reads the answer to Publish. A refusal is a statusError.
// It is decoded here and not by the library, whose recursion a single large
// value can drive through the end of the stack.
func parsePublication(body []byte) (p publication, err error) {
	r := reader{b: body}
	if err := r.responseHeader(id.PublishResponse_Encoding_DefaultBinary); err != nil {
		return p, err
	}
	p.subscription = r.uint32()
	r.take(4 * r.count(4)) // sequence numbers that can be asked for again
	p.more = r.byte() != 0
	p.notification = r.notification()
	return p, r.broken("publication")
}

// parseRepublication reads the answer to Republish. A refusal is a statusError.
func parseRepublication(body []byte) (n notification, err error) {
	r := reader{b: body}
	if err := r.responseHeader(id.RepublishResponse_Encoding_DefaultBinary); err != nil {
		return n, err
	}
	n = r.notification()
	return n, r.broken("republication")
}

func (r *reader) broken(what string) error {
	if r.failed {
		return protocolError("a %s: %w", what, errShort)
	}
	return nil
}

// responseHeader reads up to the end of the header and checks that the answer
// is of the type wanted and no refusal.
func (r *reader) responseHeader(want uint32) error {
	got := r.nodeID()
	r.take(8 + 4) // time, handle
	code := ua.StatusCode(r.uint32())
	r.diagnostics(0)
	for n := r.count(4); n > 0; n-- {
		r.bytes()
	}
	r.extension()
	switch {
	case r.failed:
		return protocolError("an answer: %w", errShort)
	case qualityOf(code) == linewatch.Bad:
		return statusError(code)
	case got != want:
		return protocolError("an answer of type %d instead of %d", got, want)
	}
	return nil
}

func (r *reader) notification() (n notification) {
	n.sequence = r.uint32()
	ticks := int64(r.uint64())
	var known bool
	if n.published, known = timeOf(ticks); !known {
		n.published = linewatch.NoTime
	}
	for left := r.count(smallest[extensionObject]); left > 0 && !r.failed; left-- {
		typeID, body := r.extension()
		part := reader{b: body}
		switch typeID {
		case id.DataChangeNotification_Encoding_DefaultBinary:
			n.items = part.dataChanges(n.items)
		case id.StatusChangeNotification_Encoding_DefaultBinary:
			n.ended = statusError(part.uint32())
		}
		r.failed = r.failed || part.failed
	}
	return n
}

// dataChanges appends the values of one DataChangeNotification. What follows
// them are diagnostics, which are never asked for.
func (r *reader) dataChanges(items []item) []item {
	const handleAndMask = 4 + 1
	count := r.count(handleAndMask)
	if items == nil {
		items = make([]item, 0, count)
	}
	for ; count > 0 && !r.failed; count-- {
		items = append(items, item{handle: r.uint32(), sample: r.dataValue(0)})
	}
	return items
}
