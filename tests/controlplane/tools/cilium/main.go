// Package main says what Cilium itself finds wrong with policies: one CiliumNetworkPolicy as JSON
// on each line that it reads, one line that it writes for each, empty where nothing is wrong.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	cilium "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	"github.com/cilium/cilium/pkg/option"

	// Its definitions are installed in tests: with this the module is one that go.sum vouches for.
	_ "sigs.k8s.io/network-policy-api/apis/v1alpha2"
)

const longestPolicy = 16 << 20

func main() {
	// As an agent is run that looks into HTTP and DNS.
	option.Config.EnableL7Proxy = true
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestPolicy)
	for lines.Scan() {
		fmt.Println(problem(lines.Bytes()))
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// problem returns what is wrong with a policy, on one line.
func problem(line []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	var policy cilium.CiliumNetworkPolicy
	if err := decoder.Decode(&policy); err != nil {
		return oneLine(err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	if _, err := policy.Parse(quiet, ""); err != nil {
		return oneLine(err)
	}
	return ""
}

func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
