// Package app wires the parts of Linewatch into one process: edge agent,
// logs, rule engine, history, MQTT and page. It knows everything and judges
// nothing; cmd and the integration tests start it.
package app
