package mqtt

import "strings"

// root is the beginning of every topic.
const root = "linewatch/v1/"

// EventsFilter is the subscription that receives every transition.
const EventsFilter = root + "+/+/+/events"

// topics are where the changes of one instance go.
type topics struct {
	events, state, alert string
}

func topicsOf(site, line, machine, rule string) topics {
	base := root + Slug(site) + "/" + Slug(line) + "/" + Slug(machine) + "/"
	return topics{events: base + "events", state: base + "state", alert: base + "alerts/" + Slug(rule)}
}

// statusTopic is where a client says whether it is online.
func statusTopic(site, clientID string) string {
	return root + Slug(site) + "/edge/" + Slug(clientID) + "/status"
}

// Slug turns a name into a part of a topic of the characters a-z, 0-9 and -,
// so that no name can be a wildcard or reach into another level. Different
// names give different slugs: line-3 stays line-3, F1 becomes f1--u (all its
// letters are upper case), and any other byte becomes -- and two hex digits.
func Slug(name string) string {
	if name == "" {
		return "--"
	}
	if lower := strings.ToLower(name); lower != name && isASCII(name) && strings.ToUpper(name) == name {
		return escape(lower) + "--u"
	}
	return escape(name)
}

func escape(s string) string {
	const hexDigits = "0123456789abcdef"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		// A hyphen before anything else than a plain character would run into the
		// mark of an escape.
		if plain(c) || c == '-' && i+1 < len(s) && plain(s[i+1]) {
			b.WriteByte(c)
			continue
		}
		b.WriteString("--")
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

func plain(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
