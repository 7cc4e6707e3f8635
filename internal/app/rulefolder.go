package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"linewatch/internal/strictyaml"
	"linewatch/rules/ruleset"
)

// RuleFiles puts in the place of each directory the files of it that may hold
// rules, in order: YAML and JSON, and no tests.
func RuleFiles(names []string) (files []string, err error) {
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || !info.IsDir() {
			files = append(files, name) // who reads it says what is wrong
			continue
		}
		inside, err := folder(name)
		if err != nil {
			return nil, err
		}
		files = append(files, inside...)
	}
	return files, nil
}

// folder returns the rule files of a directory, of which there must be one.
func folder(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, explainDir(dir, err)
	}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() && !isRuleTest(name) && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)) {
			files = append(files, filepath.Join(dir, name))
		}
	}
	if len(files) == 0 {
		return nil, noRules(dir)
	}
	return files, nil
}

// explainDir says what to do about a directory that cannot be read.
func explainDir(dir string, err error) error {
	if info, stat := os.Stat(dir); stat == nil && !info.IsDir() {
		return &ConfigError{fmt.Errorf("%s: is no directory; name that of the rule files", dir)}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &ConfigError{fmt.Errorf("%s: no such directory; check the name", dir)}
	}
	return &ConfigError{strictyaml.Unreadable(dir, err)}
}

func noRules(dir string) error {
	return &ConfigError{fmt.Errorf("%s: holds no rules; name the directory of the rule files", dir)}
}

// readRules reads the rule files of a directory.
func readRules(dir string) (*ruleset.Set, map[string][]byte, error) {
	names, err := folder(dir)
	if err != nil {
		return nil, nil, err
	}
	var list []ruleset.File
	files := map[string][]byte{}
	for _, name := range names {
		text, err := ReadFile(name)
		if err != nil {
			return nil, nil, err
		}
		files[name] = text
		list = append(list, ruleset.File{Name: name, Data: text})
	}
	set, err := ruleset.Read(list)
	if err == nil {
		set.Elsewhere = true
		err = set.Check()
	}
	if err != nil {
		return nil, nil, &ConfigError{err}
	}
	if len(set.Rules) == 0 {
		return nil, nil, noRules(dir)
	}
	return set, files, nil
}
