// Command recorder leads the real HPA and StatefulSet controllers of Kubernetes through random courses of events, in
// virtual time, and writes what they decided: one JSON object a line, in the format that limpet's tests replay.
//
//	recorder --kind hpa|statefulset [--seed 1] [--count 100]
//
// The same seed, count and Kubernetes give the same lines.
//
// client-go jitters a retry by the global source of chance; the line below gives that one a fixed seed.
//
//go:debug randautoseed=0
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"

	"github.com/go-logr/logr"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"
)

// recordTrace leads one controller through one course. It is called inside a synctest bubble.
type recordTrace func(chance *rand.Rand, id string) any

var kinds = map[string]func(index int) (name string, record recordTrace){
	"hpa": func(index int) (string, recordTrace) {
		shape := hpaShapes[index%len(hpaShapes)]
		return shape.name, shape.record
	},
	"statefulset": func(int) (string, recordTrace) { return "statefulset", recordStatefulSet },
}

func main() {
	kind := flag.String("kind", "", "hpa or statefulset")
	seed := flag.Uint64("seed", 1, "draws the courses")
	count := flag.Int("count", 100, "traces to record")
	flag.Parse()
	if kinds[*kind] == nil || *count < 1 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: recorder --kind hpa|statefulset [--seed N] [--count N]")
		os.Exit(2)
	}
	quiet()
	// A bubble wants a *testing.T, and outside of `go test` this is how to come by one.
	all := func(string, string) (bool, error) { return true, nil }
	testing.Main(all, []testing.InternalTest{{Name: "record", F: func(t *testing.T) {
		recordAll(t, *kind, *seed, *count)
		os.Exit(0)
	}}}, nil, nil)
}

func recordAll(t *testing.T, kind string, seed uint64, count int) {
	out := bufio.NewWriter(os.Stdout)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for index := range count {
		name, record := kinds[kind](index)
		id := fmt.Sprintf("%s-%d-%d", name, seed, index)
		chance := rand.New(rand.NewPCG(seed, uint64(index)))
		var trace any
		synctest.Test(t, func(*testing.T) { trace = record(chance, id) })
		if err := lines.Encode(trace); err != nil {
			log.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

// quiet keeps the controllers' own words off the screen. The default error handlers would also sleep for as long as the last
// error is away, which is decades where virtual time begins in the year 2000.
func quiet() {
	utilruntime.ErrorHandlers = nil
	klog.SetLogger(logr.Discard())
}
