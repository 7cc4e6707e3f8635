// Package failpoint marks the places at which a crash would hurt most, so that
// a test can crash there. A build without the tag failpoints does nothing at
// them.
package failpoint

// Variable is the environment variable that arms a failpoint in a build with
// the tag failpoints: "name" or "name:N". At the N-th Hit of that name, 1 when
// left out, the process ends as kill -9 would end it.
const Variable = "LINEWATCH_FAILPOINT"
