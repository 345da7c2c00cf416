package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/scale"
	defaults "k8s.io/kubernetes/pkg/apis/autoscaling/v2"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	controllermetrics "k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
	"k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	"k8s.io/metrics/pkg/client/external_metrics"
)

const (
	// The controller manager's own defaults.
	syncPeriod      = 15 * time.Second
	downscaleWindow = 5 * time.Minute
	tolerance       = 0.1
)

// hpaTrace is a line of output; docs/conformance.md says what its fields mean.
type hpaTrace struct {
	ID         string    `json:"id"`
	HPA        hpaFields `json:"hpa"`
	Metrics    []string  `json:"metrics"`
	Conditions []string  `json:"conditions"`
	Pods       []string  `json:"pods,omitempty"`
	Edits      []hpaEdit `json:"edits,omitempty"`
	Rows       [][]any   `json:"rows"`
}

type hpaFields struct {
	Min      *int32                                         `json:"min,omitempty"`
	Max      int32                                          `json:"max"`
	Metrics  [][3]string                                    `json:"metrics"`
	Behavior *autoscalingv2.HorizontalPodAutoscalerBehavior `json:"behavior,omitempty"`
}

// hpaEdit holds "behavior": null where an edit takes the behavior away, so it is a map.
type hpaEdit map[string]any

// extra is what a row says beyond its columns; absent where there is nothing to say.
type extra struct {
	Tries   int     `json:"tries,omitempty"`
	Failed  bool    `json:"failed,omitempty"`
	WroteMs float64 `json:"wroteMs,omitempty"`
	Why     string  `json:"why,omitempty"`
	Unread  bool    `json:"unread,omitempty"`
	Avg     *string `json:"avg,omitempty"`
	Pods    *int    `json:"pods,omitempty"`
}

// scaleStore is the scale subresource of the target, and the source of the metrics. Between passes only the course touches
// it; during a pass only the controller does. Virtual time runs on only when everybody waits, so neither needs a lock.
type scaleStore struct {
	begin        time.Time
	readDelay    time.Duration
	spec, status int32
	readings     []string
	// What the next pass meets: a scale that cannot be read, writes that conflict, a write that fails.
	unreadable bool
	conflicts  int
	failing    bool
	// The controller has written in vain and will read again before it tries once more.
	reread bool
	// Passes that have begun and have no row yet.
	underWay int
	pass     *pass
	passed   chan struct{}
}

// pass is what one pass of the controller read and wrote.
type pass struct {
	at           time.Duration
	spec, status int32
	metrics      string
	unread       bool
	tries        int
	wrote        bool
	triedAt      time.Duration
}

func (s *scaleStore) Scales(string) scale.ScaleInterface { return s }

func (s *scaleStore) Get(_ context.Context, group schema.GroupResource, name string, _ metav1.GetOptions) (*autoscalingv1.Scale, error) {
	if s.reread {
		s.reread = false
	} else {
		s.underWay++
		time.Sleep(s.readDelay)
		// An edit can bring a pass on the heels of another: it waits until that one has its row.
		for s.pass != nil {
			time.Sleep(time.Millisecond)
		}
		s.pass = &pass{
			at:      time.Since(s.begin),
			spec:    s.spec,
			status:  s.status,
			metrics: strings.Join(s.readings, "|"),
			unread:  s.unreadable,
		}
		s.passed <- struct{}{}
	}
	if s.pass.unread {
		return nil, apierrors.NewInternalError(errors.New("unreadable"))
	}
	return &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec:       autoscalingv1.ScaleSpec{Replicas: s.spec},
		Status:     autoscalingv1.ScaleStatus{Replicas: s.status, Selector: "app=" + targetName},
	}, nil
}

func (s *scaleStore) Update(_ context.Context, group schema.GroupResource, scale *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	s.pass.tries++
	s.pass.triedAt = time.Since(s.begin)
	s.reread = s.pass.tries <= s.conflicts || s.failing
	switch {
	case s.pass.tries <= s.conflicts:
		return nil, apierrors.NewConflict(group, scale.Name, errors.New("written by somebody else"))
	case s.failing:
		return nil, apierrors.NewInternalError(errors.New("refused"))
	}
	s.pass.wrote = true
	s.spec = scale.Spec.Replicas
	return scale, nil
}

func (s *scaleStore) Patch(context.Context, schema.GroupVersionResource, string, types.PatchType, []byte, metav1.PatchOptions) (*autoscalingv1.Scale, error) {
	return nil, errors.New("the HPA controller does not patch")
}

// NamespacedMetrics and List answer the external metric s<index>-prometheus.
func (s *scaleStore) NamespacedMetrics(string) external_metrics.MetricsInterface { return s }

func (s *scaleStore) List(name string, _ labels.Selector) (*v1beta1.ExternalMetricValueList, error) {
	var index int
	if _, err := fmt.Sscanf(name, "s%d-prometheus", &index); err != nil {
		return nil, err
	}
	if s.readings[index] == "E" {
		return nil, apierrors.NewInternalError(errors.New("no metric"))
	}
	list := &v1beta1.ExternalMetricValueList{}
	for _, text := range strings.Split(s.readings[index], "+") {
		list.Items = append(list.Items, v1beta1.ExternalMetricValue{MetricName: name, Value: quantity(text)})
	}
	return list, nil
}

// hpaBench is a controller with everything around it.
type hpaBench struct {
	store *scaleStore
	api   *apiServer
	trace *hpaTrace
	// Every pass reports status.currentMetrics.
	averages   bool
	metrics    table
	conditions table
	pods       table
	podLetters string
	events     *eventLog
}

var hpas = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}

// run leads the controller through the course and fills in the trace.
func (b *hpaBench) run(course []change, end time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.store.begin = time.Now()
	b.store.passed = make(chan struct{}, 1)
	b.api = newAPIServer()
	b.events = &eventLog{messages: map[string]string{}}
	b.api.PrependReactor("create", "events", b.events.take)
	b.api.PrependReactor("patch", "events", b.events.take)

	mapper := apimeta.NewDefaultRESTMapper([]schema.GroupVersion{appsv1.SchemeGroupVersion})
	mapper.Add(appsv1.SchemeGroupVersion.WithKind("StatefulSet"), apimeta.RESTScopeNamespace)
	factory := informers.NewSharedInformerFactory(b.api, 0)
	controller := podautoscaler.NewHorizontalController(
		ctx, b.api.CoreV1(), b.store, b.api.AutoscalingV2(), mapper,
		controllermetrics.NewRESTMetricsClient(nil, nil, b.store),
		factory.Autoscaling().V2().HorizontalPodAutoscalers(), factory.Core().V1().Pods(),
		syncPeriod, downscaleWindow, tolerance, 5*time.Minute, 30*time.Second,
	)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go controller.Run(ctx, 1)
	synctest.Wait()
	letters := b.podLetters
	b.podLetters = ""
	b.setPods(letters)
	synctest.Wait()

	b.store.begin = time.Now()
	b.api.create(hpas, b.object())
	for _, next := range course {
		b.passesUntil(next.at)
		next.make(b)
		b.store.unreadable, b.store.conflicts, b.store.failing = next.unreadable, next.conflicts, next.failing
	}
	b.passesUntil(end)
	cancel()
	// For a pass that is under way.
	time.Sleep(settled)
	factory.Shutdown()
	synctest.Wait()

	b.trace.Metrics, b.trace.Conditions, b.trace.Pods = b.metrics.texts, b.conditions.texts, b.pods.texts
}

// passesUntil lets time go by and writes a row for each pass. A pass that has begun is waited for: it holds the spec that it
// found, and what is changed now is for the next one.
func (b *hpaBench) passesUntil(at time.Duration) {
	arrived := time.NewTimer(time.Until(b.store.begin.Add(at)))
	defer arrived.Stop()
	for isThere := false; !isThere || b.store.underWay > 0; {
		select {
		case <-arrived.C:
			isThere = true
		case <-b.store.passed:
			// Longer than any retry of a write, shorter than the way to the next change.
			time.Sleep(settled)
			synctest.Wait()
			b.trace.Rows = append(b.trace.Rows, b.row())
			b.store.pass = nil
			b.store.underWay--
			b.store.unreadable, b.store.conflicts, b.store.failing = false, 0, false
		}
	}
}

func (b *hpaBench) row() []any {
	read := b.store.pass
	hpa := b.read()
	row := []any{
		milliseconds(read.at), read.spec, read.status, b.metrics.index(read.metrics),
		b.store.spec, hpa.Status.DesiredReplicas, b.conditions.index(conditionsText(hpa.Status.Conditions)),
	}
	more := extra{Unread: read.unread}
	if read.tries > 0 && !read.wrote {
		more.Failed, more.Tries = true, read.tries
	} else if read.tries > 1 {
		more.Tries = read.tries
		more.WroteMs = milliseconds(read.triedAt)
	}
	more.Why = b.events.rescaleReason()
	if b.averages {
		text := averagesText(hpa.Status.CurrentMetrics)
		more.Avg = &text
	}
	if b.podLetters != "" {
		index := b.pods.index(b.podLetters)
		more.Pods = &index
	}
	if more != (extra{}) {
		row = append(row, more)
	}
	return row
}

// object is the HPA as the API server would store it.
func (b *hpaBench) object() *autoscalingv2.HorizontalPodAutoscaler {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "hpa", Namespace: namespace, UID: "hpa", Generation: 1},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{
				APIVersion: "apps/v1", Kind: "StatefulSet", Name: targetName,
			},
			MinReplicas: b.trace.HPA.Min,
			MaxReplicas: b.trace.HPA.Max,
			Behavior:    b.trace.HPA.Behavior.DeepCopy(),
		},
	}
	for index, metric := range b.trace.HPA.Metrics {
		value := quantity(metric[2])
		target := autoscalingv2.MetricTarget{Type: autoscalingv2.MetricTargetType(metric[1])}
		if target.Type == autoscalingv2.ValueMetricType {
			target.Value = &value
		} else {
			target.AverageValue = &value
		}
		hpa.Spec.Metrics = append(hpa.Spec.Metrics, autoscalingv2.MetricSpec{
			Type: autoscalingv2.ExternalMetricSourceType,
			External: &autoscalingv2.ExternalMetricSource{
				Metric: autoscalingv2.MetricIdentifier{Name: fmt.Sprintf("s%d-prometheus", index)},
				Target: target,
			},
		})
	}
	defaults.SetDefaults_HorizontalPodAutoscaler(hpa)
	return hpa
}

func (b *hpaBench) read() *autoscalingv2.HorizontalPodAutoscaler {
	return b.api.read(hpas, "hpa").(*autoscalingv2.HorizontalPodAutoscaler)
}

// edit writes a new spec, defaulted, with the next generation, as the API server does.
func (b *hpaBench) edit(write func(*autoscalingv2.HorizontalPodAutoscalerSpec)) {
	hpa := b.read()
	write(&hpa.Spec)
	hpa.Generation++
	defaults.SetDefaults_HorizontalPodAutoscaler(hpa)
	b.api.update(hpas, hpa)
}

var podsResource = corev1.SchemeGroupVersion.WithResource("pods")

// setPods puts pods in the places of those that were there, one a letter: R ready, Y ready and just started, T ready and
// terminating, P pending, N running and not ready, F failed.
func (b *hpaBench) setPods(letters string) {
	for index := range b.podLetters {
		b.api.remove(podsResource, fmt.Sprintf("pod-%d", index))
	}
	b.podLetters = letters
	for index, letter := range letters {
		b.api.create(podsResource, podOf(index, letter))
	}
}

func podOf(index int, letter rune) *corev1.Pod {
	started := metav1.NewTime(time.Now().Add(-time.Hour))
	if letter == 'Y' {
		started = metav1.NewTime(time.Now())
	}
	phase := map[rune]corev1.PodPhase{'P': corev1.PodPending, 'F': corev1.PodFailed}[letter]
	if phase == "" {
		phase = corev1.PodRunning
	}
	ready := corev1.ConditionFalse
	if strings.ContainsRune("RYT", letter) {
		ready = corev1.ConditionTrue
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("pod-%d", index), Namespace: namespace, Labels: map[string]string{"app": targetName},
		},
		Status: corev1.PodStatus{
			Phase: phase, StartTime: &started,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready, LastTransitionTime: started}},
		},
	}
	if letter == 'T' {
		now := metav1.Now()
		pod.DeletionTimestamp = &now
	}
	return pod
}

// hpaShape is a kind of HPA to draw courses for.
type hpaShape struct {
	name       string
	targetType autoscalingv2.MetricTargetType
	metrics    func(*rand.Rand) int
}

// Of six traces four are of the kind that KEDA makes: one External metric with AverageValue.
var hpaShapes = func() []hpaShape {
	external := hpaShape{"external", autoscalingv2.AverageValueMetricType, func(*rand.Rand) int { return 1 }}
	value := hpaShape{"value", autoscalingv2.ValueMetricType, func(*rand.Rand) int { return 1 }}
	multi := hpaShape{"multi", autoscalingv2.AverageValueMetricType, func(chance *rand.Rand) int { return 2 + chance.IntN(2) }}
	return []hpaShape{external, external, value, external, external, multi}
}()
