// Package strictyaml reads one YAML or JSON document and refuses whatever its
// author may not have meant: unknown and repeated keys, wrong types, a second
// document, anchors, tags, numbers in other than decimal form.
//
// Every mistake is reported with file, line, column, field and remedy, as many
// of them as the document holds. Messages never repeat values or neighbouring
// lines, for a configuration may hold passwords. Size and nesting are bounded
// before memory is spent on them.
package strictyaml
