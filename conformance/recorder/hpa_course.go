package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// settled is how long after its beginning a pass is over, its retries of a write included.
const settled = 200 * time.Millisecond

// Nothing happens at the very instant of a pass, whose times are whole milliseconds: which of two comes first is no promise.
const between = 500 * time.Microsecond

// change is something that happens between two passes, and what the next pass will meet.
type change struct {
	at         time.Duration
	make       func(*hpaBench)
	unreadable bool
	conflicts  int
	failing    bool
}

// record draws an HPA of the shape and a course for it, and leads the controller through it.
func (shape hpaShape) record(chance *rand.Rand, id string) any {
	draw := &hpaDraw{Rand: chance, shape: shape}
	trace := &hpaTrace{ID: id, HPA: draw.fields()}
	bench := &hpaBench{trace: trace, averages: chance.IntN(5) == 0, store: &scaleStore{
		readDelay: time.Duration(oneOf(chance, 0, 0, 5, 10, 35)) * time.Millisecond,
	}}
	bench.store.spec = draw.replicas()
	bench.store.status = bench.store.spec
	bench.store.readings = draw.readings(bench.store.spec)
	if shape.hasPods() {
		bench.podLetters = draw.pods()
	}
	end := time.Duration(300+chance.IntN(900))*time.Second + between
	bench.run(draw.course(end), end)
	return trace
}

func (shape hpaShape) hasPods() bool { return shape.targetType == autoscalingv2.ValueMetricType }

func oneOf[T any](chance *rand.Rand, choices ...T) T { return choices[chance.IntN(len(choices))] }

// hpaDraw draws what the API would admit, near the edges more often than not.
type hpaDraw struct {
	*rand.Rand
	shape    hpaShape
	min, max int32
	targets  []string
}

func (d *hpaDraw) often(percent int) bool { return d.IntN(100) < percent }

func (d *hpaDraw) fields() hpaFields {
	d.max = oneOf(d.Rand, 5, 5, 10, 20, 1+d.Int32N(200))
	fields := hpaFields{Max: d.max}
	d.min = 1
	if d.often(80) {
		d.min = min(d.max, oneOf(d.Rand, int32(0), 1, 1, 2, 3))
		fields.Min = ptr(d.min)
	}
	for range d.shape.metrics(d.Rand) {
		target := oneOf(d.Rand, "1", "2", "2", "5", "10", "500m", "2150m", "7")
		d.targets = append(d.targets, target)
		fields.Metrics = append(fields.Metrics, [3]string{"External", string(d.shape.targetType), target})
	}
	if d.often(60) {
		fields.Behavior = d.behavior()
	}
	return fields
}

func ptr[T any](value T) *T { return &value }

// behavior may be empty, or lack any part.
func (d *hpaDraw) behavior() *autoscalingv2.HorizontalPodAutoscalerBehavior {
	behavior := &autoscalingv2.HorizontalPodAutoscalerBehavior{}
	if d.often(60) {
		behavior.ScaleUp = d.rules(0, 15, 60, 300)
	}
	if d.often(70) {
		behavior.ScaleDown = d.rules(0, 15, 30, 60, 180, 300, 600)
	}
	return behavior
}

func (d *hpaDraw) rules(windows ...int32) *autoscalingv2.HPAScalingRules {
	rules := &autoscalingv2.HPAScalingRules{}
	if d.often(60) {
		rules.StabilizationWindowSeconds = ptr(oneOf(d.Rand, windows...))
	}
	if d.often(40) {
		rules.SelectPolicy = ptr(oneOf(d.Rand,
			autoscalingv2.MaxChangePolicySelect, autoscalingv2.MinChangePolicySelect, autoscalingv2.DisabledPolicySelect))
	}
	for range oneOf(d.Rand, 0, 1, 1, 2, 3) {
		policy := autoscalingv2.HPAScalingPolicy{
			Type: autoscalingv2.PodsScalingPolicy, Value: 1 + d.Int32N(10), PeriodSeconds: oneOf(d.Rand, int32(15), 15, 30, 60, 300, 1800),
		}
		if d.often(50) {
			policy.Type = autoscalingv2.PercentScalingPolicy
			policy.Value = oneOf(d.Rand, int32(1), 10, 20, 50, 80, 90, 100, 200)
		}
		rules.Policies = append(rules.Policies, policy)
	}
	if d.often(15) {
		rules.Tolerance = ptr(quantity(oneOf(d.Rand, "0", "10m", "50m", "100m", "200m", "1")))
	}
	return rules
}

func (d *hpaDraw) replicas() int32 {
	return oneOf(d.Rand, 0, 1, d.min, d.max, d.max+1+d.Int32N(5), d.Int32N(d.max+1), d.Int32N(d.max+1))
}

// pods are at least one: without any the controller cannot count.
func (d *hpaDraw) pods() string {
	letters := make([]byte, 1+d.IntN(10))
	for index := range letters {
		letters[index] = "RRRRYTPNF"[d.IntN(9)]
	}
	return string(letters)
}

func (d *hpaDraw) readings(replicas int32) []string {
	readings := make([]string, len(d.targets))
	for index, target := range d.targets {
		readings[index] = d.reading(target, replicas)
	}
	return readings
}

// reading is a value near a whole number of targets, or near the edge of the tolerance; one value or a sum, or E.
func (d *hpaDraw) reading(target string, replicas int32) string {
	exact := quantity(target)
	milli := exact.MilliValue()
	switch d.IntN(12) {
	case 0:
		return "E"
	case 1, 2:
		return "0"
	case 3:
		return fmt.Sprintf("%dm", -1-d.Int64N(3*milli))
	case 4:
		// The edges of the default tolerance, where arithmetic with doubles shows.
		return fmt.Sprintf("%dm", milli*int64(replicas)*oneOf(d.Rand, int64(9), 11)/10+d.Int64N(3)-1)
	case 5:
		return fmt.Sprintf("%du", (milli*d.Int64N(int64(d.max)+3))*1000+d.Int64N(1000))
	}
	pods := oneOf(d.Rand, int64(replicas), d.Int64N(int64(d.max)+3), d.Int64N(8))
	total := fmt.Sprintf("%dm", milli*pods+oneOf(d.Rand, 0, 0, 1, -1, milli/2))
	if d.often(20) {
		return total + "+" + fmt.Sprintf("%dm", d.Int64N(2*milli))
	}
	return total
}

// course draws what happens, in the order of time.
func (d *hpaDraw) course(end time.Duration) []change {
	var course []change
	for at := time.Duration(0); ; {
		at += time.Duration(1000+d.IntN(oneOf(d.Rand, 20_000, 60_000, 200_000))) * time.Millisecond
		if at >= end-time.Second {
			return course
		}
		course = append(course, d.change(at+between))
	}
}

func (d *hpaDraw) change(at time.Duration) change {
	next := change{at: at, make: func(*hpaBench) {}}
	switch d.IntN(20) {
	case 0, 1:
		replicas := oneOf(d.Rand, 0, 0, 1, d.replicas())
		next.make = func(b *hpaBench) { b.store.spec = replicas }
	case 2, 3, 4:
		replicas := oneOf(d.Rand, 0, d.Int32N(d.max+3))
		next.make = func(b *hpaBench) { b.store.status = replicas }
	case 5, 6:
		next.make = func(b *hpaBench) { b.store.status = b.store.spec }
	case 7:
		next.unreadable = true
	case 8:
		// Five tries, and the controller gives up.
		next.conflicts = oneOf(d.Rand, 1, 1, 2, 5)
	case 9:
		next.failing = true
	case 10, 11:
		next.make = d.edit()
	case 12, 13:
		if d.shape.hasPods() {
			letters := d.pods()
			next.make = func(b *hpaBench) { b.setPods(letters) }
		}
	}
	// What meets a write is nothing without a reading that brings one about.
	if next.conflicts > 0 || next.failing || d.often(60) {
		before := next.make
		readings := d.readings(d.replicas())
		next.make = func(b *hpaBench) { before(b); b.store.readings = readings }
	}
	return next
}

func (d *hpaDraw) edit() func(*hpaBench) {
	written := hpaEdit{}
	var write func(*autoscalingv2.HorizontalPodAutoscalerSpec)
	switch d.IntN(3) {
	case 0:
		d.min = min(d.max, oneOf(d.Rand, int32(0), 1, 2, 1+d.Int32N(5)))
		least := d.min
		written["min"] = least
		write = func(spec *autoscalingv2.HorizontalPodAutoscalerSpec) { spec.MinReplicas = ptr(least) }
	case 1:
		d.max = max(d.min, 1, oneOf(d.Rand, 5, 10, d.max+2, d.max/2))
		most := d.max
		written["max"] = most
		write = func(spec *autoscalingv2.HorizontalPodAutoscalerSpec) { spec.MaxReplicas = most }
	default:
		var behavior *autoscalingv2.HorizontalPodAutoscalerBehavior
		if d.often(70) {
			behavior = d.behavior()
		}
		written["behavior"] = behavior.DeepCopy()
		write = func(spec *autoscalingv2.HorizontalPodAutoscalerSpec) { spec.Behavior = behavior.DeepCopy() }
	}
	return func(b *hpaBench) {
		written["at"] = milliseconds(time.Since(b.store.begin))
		b.trace.Edits = append(b.trace.Edits, written)
		b.edit(write)
	}
}

// milliseconds keeps microseconds as decimals: after a retried write the controller's rhythm is no longer whole.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
