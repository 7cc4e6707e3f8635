package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"linewatch/internal/app"
)

// told runs a command line in this process and returns what it said.
func told(t *testing.T, args ...string) (said string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out bytes.Buffer
	code = execute(ctx, args, &out, &out)
	return out.String(), code
}

// mistake is a command line that goes wrong.
type mistake struct {
	args string // words; DIR is the folder of the files
	code int
	want []string // parts of the message
}

func (m *mistake) check(t *testing.T, dir string) {
	t.Helper()
	args := strings.Fields(strings.ReplaceAll(m.args, "DIR", dir))
	said, code := told(t, args...)
	if code != m.code {
		t.Errorf("%s: exit code %d, want %d; it said:\n%s", m.args, code, m.code, said)
	}
	for _, want := range m.want {
		if want = strings.ReplaceAll(want, "DIR", dir); !strings.Contains(said, want) {
			t.Errorf("%s: said\n%swhich lacks\n%s", m.args, said, want)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(said), "\n") {
		if !strings.HasPrefix(line, "linewatch: ") {
			t.Errorf("%s: said %q, which does not say who speaks", m.args, line)
		}
	}
}

// A mistake is answered with what is wrong, where, and what to do.
func TestMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rule := read(t, demoRule)
	for name, content := range map[string]string{
		"portonly.yaml":  "apiVersion: linewatch/v1\nkind: Config\nhttp: 8083\n",
		"unknown.yaml":   "apiVersion: linewatch/v1\nkind: Config\nengine:\n  bund: 3s\n",
		"broken.yaml":    "apiVersion: linewatch/v1\nkind: Config\nrules: [a, b\n",
		"tabs.yaml":      "apiVersion: linewatch/v1\nkind: Config\nengine:\n\tbound: 3s\n",
		"empty.yaml":     "",
		"wrong.yaml":     "apiVersion: linewatch/v2\nkind: Configuration\nengine: {scope: plant, bufferCap: 10}\nhttp: 0.0.0.0:80\n",
		"clear.yaml":     "apiVersion: linewatch/v1\nkind: Config\nmqtt: {broker: 'tcp://broker.example.com:1883'}\n",
		"address.yaml":   strings.Replace(plcConfig("127.0.0.1"), "DB1.DBD8", "DB1.DBD", 1),
		"norules.yaml":   "apiVersion: linewatch/v1\nkind: Config\nmqtt: {embedded: '127.0.0.1:0'}\nrules: [rules/*.yaml]\n",
		"rule.yaml":      rule,
		"badrule.yaml":   strings.Replace(rule, "above: 75", "abvoe: 75", 1),
		"good.test.yaml": "rule: rule.yaml\ntests: []\n",
	} {
		write(t, dir, name, content)
	}
	for _, m := range []mistake{
		{"run --htpp 127.0.0.1:0", exitUsage, []string{"unknown flag: --htpp; did you mean --http?"}},
		{"run --frobnicate", exitUsage, []string{"unknown flag: --frobnicate; see linewatch run --help"}},
		{"rn", exitUsage, []string{`unknown command "rn"; did you mean linewatch run?`}},
		{"frobnicate", exitUsage, []string{`unknown command "frobnicate"; see linewatch --help`}},
		{"rules aply", exitUsage, []string{"did you mean linewatch rules apply?"}},
		{"run here", exitUsage, []string{`linewatch run takes no argument, not "here"`}},
		{"run --for -3s", exitUsage, []string{"--for: -3s is negative; use for example 60s"}},
		{"run --for soon", exitUsage, []string{`--for: "soon" is not valid; `, "such as 60s, 5m or 1h30m"}},
		{"run --seed many", exitUsage, []string{`--seed: "many" is not valid; give a whole number, 0 or more`}},
		{"run --seed 3 --config DIR/unknown.yaml", exitUsage, []string{"--seed", "--config", "leave one of them out"}},
		{"run --speed 0.5", exitUsage, []string{"--speed: 0.5; use 1 to 1000"}},
		{"run --speed NaN", exitUsage, []string{"--speed: NaN; use 1 to 1000"}},
		{"run --speed fast", exitUsage, []string{`--speed: "fast" is not valid; give a number`}},
		{"run --speed 60 --config DIR/unknown.yaml", exitUsage, []string{"--speed is for the simulated line", "leave it out with --config"}},
		{"simulate --speed 1001", exitUsage, []string{"--speed: 1001; use 1 to 1000"}},
		{"run --http 0.0.0.0:80", exitUsage, []string{"--http", "use 127.0.0.1:80", "ssh -L 80:"}},
		{"run --http here", exitUsage, []string{"--http", "want host:port, such as 127.0.0.1:8080"}},
		{"run --report DIR/none/r.json", exitUsage, []string{"--report", "DIR/none/r.json", "name a file that can be written"}},
		{"simulate --listen here", exitUsage, []string{"--listen", "want HOST:PORT"}},
		{"simulate --log DIR/none/s.log", exitUsage, []string{"--log", "DIR/none/s.log"}},
		{"rules apply", exitUsage, []string{"name at least one FILE"}},
		{"rules delete", exitUsage, []string{"name at least one ID"}},
		{"rules delete Filler_Rinse", exitUsage, []string{`"Filler_Rinse" is not the id of a rule`}},
		{"test", exitUsage, []string{"name at least one FILE"}},

		{"run --config DIR/none.yaml", exitConfig, []string{"DIR/none.yaml: no such file; check"}},
		{"run --config DIR", exitConfig, []string{"DIR: is not a regular file"}},
		{"run --config DIR/unknown.yaml", exitConfig, []string{`DIR/unknown.yaml:4:3: engine: unknown key "bund"; did you mean bound?`}},
		{"run --config DIR/portonly.yaml", exitConfig, []string{"DIR/portonly.yaml:3:7: http: want text, have a number; write host:port, such as 127.0.0.1:8080"}},
		{"run --config DIR/broken.yaml", exitConfig, []string{"DIR/broken.yaml:3:8: is never closed; add the missing ]"}},
		{"run --config DIR/tabs.yaml", exitConfig, []string{"DIR/tabs.yaml:4:1: ", "tab"}},
		{"run --config DIR/empty.yaml", exitConfig, []string{"DIR/empty.yaml: is empty"}},
		{"run --config DIR/wrong.yaml", exitConfig, []string{
			"DIR/wrong.yaml:1:13: apiVersion: is not supported; write apiVersion: linewatch/v1",
			"DIR/wrong.yaml:2:7: kind: is not a configuration; write kind: Config",
			`DIR/wrong.yaml:3:17: engine.scope: "plant" is unknown; use line or global`,
			"DIR/wrong.yaml:3:35: engine.bufferCap: use 1000 or more",
			"DIR/wrong.yaml:4:7: http: ", "use 127.0.0.1:80",
		}},
		{"run --config DIR/clear.yaml", exitConfig, []string{"DIR/clear.yaml:3:16: mqtt.broker: ", "use ssl://"}},
		{"run --config DIR/address.yaml", exitConfig, []string{"DIR/address.yaml:12:49: edge.sources[filler].tags[water_temperature]: ", `"DB1.DBD"`}},
		{"run --config DIR/norules.yaml --http 127.0.0.1:0 --data DIR/d1", exitConfig, []string{"DIR/norules.yaml: rules[0]: no file matches DIR/rules/*.yaml; check the path"}},
		{"replay --config DIR/none.yaml", exitConfig, []string{"DIR/none.yaml: no such file"}},
		{"rules apply DIR/none.yaml", exitConfig, []string{"DIR/none.yaml: no such file"}},
		{"rules apply DIR/badrule.yaml", exitConfig, []string{`DIR/badrule.yaml:26:38: `, `unknown key "abvoe"; did you mean above?`}},
		{"assets apply DIR/rule.yaml", exitConfig, []string{"DIR/rule.yaml:4:7: kind: ", "want Assets"}},
		{"rules apply DIR/good.test.yaml", exitUsage, []string{"DIR/good.test.yaml", "holds tests, not a rule", "linewatch test DIR/good.test.yaml"}},
		{"test DIR/none.yaml", exitConfig, []string{"DIR/none.yaml: no such file"}},
		{"test DIR/rule.yaml", exitConfig, []string{"DIR/rule.yaml:4:7: kind: is Rule, not a rule test; name the file that holds its tests"}},

		{"replay --data DIR/none", exitData, []string{"DIR/none holds no log", "--data"}},
		{"replay --data DIR", exitData, []string{"DIR holds no log"}},
		{"rules apply DIR/rule.yaml --data DIR/none", exitData, []string{"nothing runs on the data directory DIR/none; start linewatch run there", "--data"}},
		{"run --data DIR/rule.yaml/data --http 127.0.0.1:0", exitData, []string{"DIR/rule.yaml/data: is not a directory; name another data directory"}},
		{"run --data /proc/linewatch --http 127.0.0.1:0", exitData, []string{"/proc/linewatch: cannot be made: "}},
		{"rules rollback", exitUsage, []string{"name the ID of a rule and the VERSION to bring back"}},
		{"rules rollback x", exitUsage, []string{"name the VERSION to bring back as well; linewatch rules list x shows them"}},
		{"rules rollback x 1 2", exitUsage, []string{"takes one ID and one VERSION, not 3 arguments"}},
		{"run --config DIR/rule.yaml", exitConfig, []string{"DIR/rule.yaml:4:7: kind: is Rule, not a configuration; name a file of kind Config"}},
		{"rules delete x --data DIR/none", exitData, []string{"nothing runs on the data directory DIR/none"}},
		{"run --data DIR/rule.yaml --http 127.0.0.1:0", exitData, []string{"DIR/rule.yaml: is not a directory; name another"}},
	} {
		m.check(t, dir)
	}
	if _, err := os.Stat(filepath.Join(dir, "lock")); err == nil {
		t.Error("replay has written into a directory that is none of ours")
	}
}

// engineOnly is a configuration without PLCs.
const engineOnly = "apiVersion: linewatch/v1\nkind: Config\nmqtt: {embedded: '127.0.0.1:0'}\n"

// What goes wrong while a process runs: its data, its addresses, its token, and
// what it refuses.
func TestMistakesWhileRunning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "engine.yaml", engineOnly)
	rule := read(t, demoRule)
	write(t, dir, "rule.yaml", rule)
	write(t, dir, "elsewhere.yaml", strings.Replace(rule, "equipment: F1", "equipment: F7", 1))
	run := start(t, program, "run", "--config", dir+"/engine.yaml", "--data", dir+"/data", "--http", "127.0.0.1:0")
	address := strings.TrimPrefix(run.line("Linewatch is running. Page: ", 10*time.Second), "http://")
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	taken := busy.Addr().String()
	write(t, dir, "busy.yaml", strings.Replace(engineOnly, "127.0.0.1:0", taken, 1))

	if said, code := told(t, "assets", "apply", "../../configs/demo/assets.yaml", "--data", dir+"/data"); code != 0 || said != "assets are in force\n" {
		t.Errorf("assets apply: exit code %d: %s", code, said)
	}
	for _, m := range []mistake{
		{"run --config DIR/engine.yaml --data DIR/data --http 127.0.0.1:0", exitDataUsed, []string{"DIR/data: second process on the same data; stop the other process"}},
		{"replay --data DIR/data", exitDataUsed, []string{"DIR/data: second process on the same data; stop the other process first, or replay a copy of the directory"}},
		{"run --config DIR/engine.yaml --data DIR/d2 --http " + address, exitAddress, []string{address, "in use", "--http"}},
		{"run --config DIR/busy.yaml --data DIR/d3 --http 127.0.0.1:0", exitAddress, []string{"mqtt.embedded: ", taken, "in use", "choose another"}},
		{"simulate --listen " + taken, exitAddress, []string{taken, "in use", "--listen"}},
		{"rules delete nonsense --data DIR/data", exitFailed, []string{"rule nonsense: no such rule; linewatch rules list"}},
		{"rules apply DIR/elsewhere.yaml --data DIR/data", exitConfig, []string{`DIR/elsewhere.yaml:7:20: scope.equipment: "F7" is not registered; did you mean F1? Else apply the assets first`}},
	} {
		m.check(t, dir)
	}
	write(t, dir, "rule.test.yaml", "rule: rule.yaml\ntests: []\n")
	said, code := told(t, "rules", "apply", dir+"/rule.test.yaml", dir+"/rule.yaml", "--data", dir+"/data")
	if want := dir + "/rule.test.yaml holds tests: passed over\nrule filler-rinse-water is in force as version 1\n"; code != 0 || said != want {
		t.Errorf("rules apply with a test among the rules: exit code %d: %s", code, said)
	}

	token := filepath.Join(dir, "data", "token")
	if err := os.Chmod(token, 0o644); err != nil {
		t.Fatal(err)
	}
	open := []string{"the token is not safe", "DIR/data/token", "run: chmod 600 DIR/data/token"}
	(&mistake{"rules apply DIR/rule.yaml --data DIR/data", exitData, open}).check(t, dir)
	secret := strings.TrimSpace(read(t, token))
	if code := run.end(syscall.SIGINT, 10*time.Second); code != exitOK {
		t.Errorf("exit code %d after an interrupt", code)
	}
	if strings.Contains(run.errs.String(), secret) {
		t.Error("the token is in the log")
	}
	(&mistake{"run --config DIR/engine.yaml --data DIR/data --http 127.0.0.1:0", exitData, open}).check(t, dir)
}

// The token is not given to a program that happens to listen where a process
// that was killed did.
func TestTokenStaysAtHome(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := write(t, dir, "engine.yaml", engineOnly)
	run := start(t, program, "run", "--config", config, "--data", dir+"/data", "--http", "127.0.0.1:0")
	address := strings.TrimPrefix(run.line("Linewatch is running. Page: ", 10*time.Second), "http://")
	run.end(syscall.SIGKILL, 5*time.Second)
	other, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("SKIPPED: somebody else has taken %s: %v", address, err)
	}
	defer other.Close()
	called := make(chan bool, 1)
	go func() {
		if c, err := other.Accept(); err == nil {
			c.Close()
			called <- true
		}
	}()
	rule := write(t, dir, "rule.yaml", read(t, demoRule))
	(&mistake{"rules apply " + rule + " --data DIR/data", exitData, []string{"nothing runs on the data directory DIR/data"}}).check(t, dir)
	select {
	case <-called:
		t.Error("the token was offered to whoever listens there now")
	default:
	}
}

// The tags that the help of simulate lists are in a form that a configuration
// takes.
func TestSimulateHelp(t *testing.T) {
	t.Parallel()
	said, code := told(t, "simulate", "--help")
	config, sources, tags := engineOnly+"edge:\n  gateway: g\n  sources:\n", 0, 0
	heading := regexp.MustCompile(`^([A-Z]1) [A-Z][a-z]+: source ([a-z-]+) \((s7|opcua)\), equipment ([0-9a-f-]{36})\n$`)
	for line := range strings.Lines(said) {
		if m := heading.FindStringSubmatch(line); m != nil {
			sources++
			config += "    - id: " + m[2] + "-" + m[1] + "\n      protocol: " + m[3] + "\n      address: 127.0.0.1\n      equipment: " + m[4] + "\n"
			if m[3] == "opcua" {
				config += "      opcua: {thumbprint: " + strings.Repeat("0a", 32) + "}\n"
			}
			config += "      tags:\n"
		}
		if strings.HasPrefix(line, "  - {") {
			tags++
			config += "      " + line
			if _, meaning, _ := strings.Cut(line, " # "); strings.TrimSpace(meaning) == "" {
				t.Errorf("no word about what it says: %s", line)
			}
		}
	}
	for _, want := range []string{" °C\n", " bottles/h\n", "Execute, ", "true or false\n", "# grows from "} {
		if !strings.Contains(said, want) {
			t.Errorf("the help does not say %q:\n%s", want, said)
		}
	}
	if code != 0 || sources != 7 || tags < 130 {
		t.Fatalf("exit code %d, %d sources and %d tags in\n%s", code, sources, tags, said)
	}
	if _, err := app.LoadConfig(write(t, t.TempDir(), "c.yaml", config)); err != nil {
		t.Error(err)
	}
}

// The line in one process and everything else in another, which reads it with
// the configuration that the first has written.
func TestSimulateAndRunApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	simulate := start(t, program, "simulate", "--listen", "127.0.0.1:0", "--config-out", dir+"/line", "--log", dir+"/served.jsonl")
	command := simulate.line("Read them with: linewatch run --config ", 10*time.Second)
	config := dir + "/line/linewatch.yaml"
	if command != quote(config) {
		t.Errorf("the printed command names %s, want %s", command, config)
	}
	text := read(t, config)
	write(t, dir+"/line", "linewatch.yaml", text+"mqtt: {embedded: '127.0.0.1:0'}\n")
	run := start(t, program, "run", "--config", config, "--data", dir+"/data", "--http", "127.0.0.1:0")
	address := page(run.line("Linewatch is running. Page: ", 10*time.Second))
	eventually(t, 10*time.Second, "every source is read and rules are judged", func() bool {
		s := address.status(t)
		for _, src := range s.Sources {
			if src.State != "connected" {
				return false
			}
		}
		return len(s.Sources) == strings.Count(text, "    - id: ") &&
			slices.ContainsFunc(s.Instances, func(i instance) bool { return i.State != "UNKNOWN" })
	})
	if code := run.end(syscall.SIGTERM, 10*time.Second); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if code := simulate.end(syscall.SIGTERM, 10*time.Second); code != exitOK {
		t.Errorf("exit code %d of simulate", code)
	}
	for _, plc := range []string{"filler", "capper", "packer"} {
		if !strings.Contains(read(t, dir+"/served.jsonl"), `{"plc":"`+plc+`"`) {
			t.Errorf("the log names no read of the %s", plc)
		}
	}
	restarted := start(t, program, "simulate", "--listen", "127.0.0.1:0", "--config-out", dir+"/line")
	restarted.line("Read them with: linewatch run --config ", 10*time.Second)
	if before, after := pinned(text), pinned(read(t, config)); before == "" || after != before {
		t.Errorf("the restarted line has the certificate %s, before it was %s", after, before)
	}
	again := []string{"--config-out: configuration: DIR holds other files; name a new directory"}
	(&mistake{"simulate --listen 127.0.0.1:0 --config-out DIR", exitUsage, again}).check(t, dir)
}

// pinned returns the line of a configuration that names a certificate.
func pinned(config string) string {
	_, rest, _ := strings.Cut(config, "thumbprint:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// A data directory that cannot be written is said so, with a way out.
func TestReadOnlyData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := write(t, dir, "engine.yaml", engineOnly)
	args := []string{program, "run", "--config", config, "--http", "127.0.0.1:0", "--data"}
	check := func(cmd *exec.Cmd, reason string) {
		t.Helper()
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		code := cmd.ProcessState.ExitCode()
		for _, want := range []string{"data: not writable: " + reason, "give this user write permission, or choose another data directory"} {
			if code != exitData || !strings.Contains(string(out), want) {
				t.Errorf("exit code %d, want %d; said\n%swhich lacks %q", code, exitData, out, want)
			}
		}
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o555); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		check(exec.Command(args[0], append(args[1:], data)...), "permission denied")
		return
	}
	// Root may write everywhere: be somebody else, and mount something that
	// nobody may write.
	for path := dir; path != "/" && path != os.TempDir(); path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tried := 0
	nobody := []string{"--reuid=65534", "--clear-groups"}
	if exec.Command("setpriv", append(nobody, program, "version")...).Run() == nil {
		tried++
		check(exec.Command("setpriv", append(append(nobody, args...), data)...), "permission denied")
	}
	if exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "-o", "ro", "none", data).Run() == nil {
		tried++
		script := `mount -t tmpfs -o ro none "$1" && d=$1 && shift && exec "$@" "$d"`
		check(exec.Command("unshare", append([]string{"-m", "sh", "-c", script, "sh", data}, args...)...), "read-only file system")
	}
	if tried == 0 {
		t.Skip("SKIPPED: this is root, and neither setpriv nor unshare works here")
	}
}

// The first signal asks, the second one does not.
func TestSignals(t *testing.T) {
	signals, order := make(chan os.Signal, 2), []string{}
	signals <- syscall.SIGTERM
	signals <- syscall.SIGTERM
	var said bytes.Buffer
	obey(signals, func() { order = append(order, "stop") }, &said, func(code int) { order = append(order, fmt.Sprint("exit ", code)) })
	if got := strings.Join(order, ", "); got != "stop, exit 1" || !strings.Contains(said.String(), "once more to stop at once") {
		t.Errorf("did %s and said %s", got, said.String())
	}
}

// The printed line reaches any broker, and holds no secret.
func TestSubscribeCommand(t *testing.T) {
	var plain, secure app.MQTTConfig
	plain.Broker = "tcp://127.0.0.1:1884"
	secure.Broker, secure.User, secure.PasswordFile = "ssl://broker.example.com:8883", "it's me", "/etc/pass word"
	for _, test := range []struct {
		embedded string
		config   app.MQTTConfig
		want     string
	}{
		{"127.0.0.1:1883", app.MQTTConfig{}, "mosquitto_sub -h 127.0.0.1 -p 1883 -q 1"},
		{"", plain, "mosquitto_sub -h 127.0.0.1 -p 1884 -q 1"},
		{"", secure, `mosquitto_sub -h broker.example.com -p 8883 --capath /etc/ssl/certs -u 'it'\''s me' -P "$(head -n 1 '/etc/pass word')" -q 1`},
	} {
		if got, want := subscribeCommand(test.embedded, test.config), test.want+" -t 'linewatch/v1/+/+/+/events' -v"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
