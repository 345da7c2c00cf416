package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	typedappsv1 "k8s.io/client-go/kubernetes/typed/apps/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/kubernetes/pkg/controller/statefulset"
)

// statefulSetTrace is a line of output; docs/conformance.md says what its fields mean.
type statefulSetTrace struct {
	ID              string            `json:"id"`
	Policy          string            `json:"policy"`
	MinReadySeconds int32             `json:"minReadySeconds,omitempty"`
	Replicas        int32             `json:"replicas"`
	Steps           []statefulSetStep `json:"steps"`
	EndMs           int64             `json:"endMs"`
	Acts            []act             `json:"acts"`
	After           [][3]any          `json:"after"`
}

type statefulSetStep struct {
	AtMs     int64  `json:"at"`
	Replicas *int32 `json:"replicas,omitempty"`
	Pod      *int   `json:"pod,omitempty"`
	To       string `json:"to,omitempty"`
}

// act is [ms, "+2"] for pod 2 created, [ms, "-2"] for pod 2 deleted.
type act struct {
	ms   int64
	what string
}

func (a act) MarshalJSON() ([]byte, error) { return json.Marshal([]any{a.ms, a.what}) }

var (
	sets = appsv1.SchemeGroupVersion.WithResource("statefulsets")
	// A write of the status takes its time, as everywhere. At once, and the controller would act on a cache that does not show
	// its own last action yet.
	statusWrite = 5 * time.Millisecond
)

// statefulSetBench is a controller with the API server, the kubelet and the users around it.
type statefulSetBench struct {
	api   *apiServer
	trace *statefulSetTrace
	begin time.Time
	uid   int
}

// slowStatus is the client with a status write that takes time. A reactor of the fake one must not sleep: it holds a lock,
// and a goroutine that waits for a lock keeps virtual time from running on.
type slowStatus struct{ kubernetes.Interface }
type slowStatusApps struct{ typedappsv1.AppsV1Interface }
type slowStatusSets struct {
	typedappsv1.StatefulSetInterface
}

func (c slowStatus) AppsV1() typedappsv1.AppsV1Interface {
	return slowStatusApps{c.Interface.AppsV1()}
}

func (c slowStatusApps) StatefulSets(namespace string) typedappsv1.StatefulSetInterface {
	return slowStatusSets{c.AppsV1Interface.StatefulSets(namespace)}
}

func (c slowStatusSets) UpdateStatus(ctx context.Context, set *appsv1.StatefulSet, options metav1.UpdateOptions) (*appsv1.StatefulSet, error) {
	time.Sleep(statusWrite)
	return c.StatefulSetInterface.UpdateStatus(ctx, set, options)
}

// run leads the controller through a step at each of the instants.
func (b *statefulSetBench) run(chance *rand.Rand, instants []int64) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.api = newAPIServer()
	b.api.PrependReactor("create", "pods", b.createPod)
	b.api.PrependReactor("delete", "pods", b.deletePod)
	factory := informers.NewSharedInformerFactory(b.api, 0)
	controller := statefulset.NewStatefulSetController(
		ctx, factory.Core().V1().Pods(), factory.Apps().V1().StatefulSets(),
		factory.Core().V1().PersistentVolumeClaims(), factory.Apps().V1().ControllerRevisions(),
		slowStatus{b.api},
	)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go controller.Run(ctx, 1)
	synctest.Wait()

	b.begin = time.Now()
	b.api.create(sets, b.object())
	for _, at := range instants {
		b.sleepUntil(at)
		step := b.drawStep(chance, at)
		b.trace.Steps = append(b.trace.Steps, step)
		b.step(step)
	}
	b.sleepUntil(b.trace.EndMs)
	b.note(b.trace.EndMs)
	// Pods that are created at once are created at the same time, in no order.
	slices.SortFunc(b.trace.Acts, func(x, y act) int { return cmp.Or(cmp.Compare(x.ms, y.ms), cmp.Compare(x.what, y.what)) })
	// What the controller writes last is not part of the course, but must come to an end.
	time.Sleep(time.Second)
	cancel()
	factory.Shutdown()
	synctest.Wait()
}

func (b *statefulSetBench) sleepUntil(ms int64) {
	time.Sleep(time.Until(b.begin.Add(time.Duration(ms) * time.Millisecond)))
	synctest.Wait()
}

func (b *statefulSetBench) step(step statefulSetStep) {
	if step.Replicas != nil {
		set := b.set()
		set.Spec.Replicas = step.Replicas
		set.Generation++
		b.api.update(sets, set)
	}
	if step.Pod != nil {
		b.turn(podName(*step.Pod), step.To)
	}
	b.note(step.AtMs)
}

// note writes down what the controller has done at once, and the status that it has not written yet.
func (b *statefulSetBench) note(ms int64) {
	synctest.Wait()
	status := b.set().Status
	text := fmt.Sprintf("%d/%d/%d", status.Replicas, status.ReadyReplicas, status.AvailableReplicas)
	b.trace.After = append(b.trace.After, [3]any{ms, b.podsText(), text})
}

func (b *statefulSetBench) object() *appsv1.StatefulSet {
	matching := map[string]string{"app": targetName}
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: targetName, Namespace: namespace, UID: "set", Generation: 1},
		Spec: appsv1.StatefulSetSpec{
			Replicas:             ptr(b.trace.Replicas),
			Selector:             &metav1.LabelSelector{MatchLabels: matching},
			ServiceName:          targetName,
			MinReadySeconds:      b.trace.MinReadySeconds,
			PodManagementPolicy:  appsv1.PodManagementPolicyType(b.trace.Policy),
			RevisionHistoryLimit: ptr(int32(10)),
			UpdateStrategy: appsv1.StatefulSetUpdateStrategy{
				Type:          appsv1.RollingUpdateStatefulSetStrategyType,
				RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr(int32(0))},
			},
			PersistentVolumeClaimRetentionPolicy: &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{
				WhenDeleted: appsv1.RetainPersistentVolumeClaimRetentionPolicyType,
				WhenScaled:  appsv1.RetainPersistentVolumeClaimRetentionPolicyType,
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: matching},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}},
			},
		},
	}
}

func (b *statefulSetBench) set() *appsv1.StatefulSet {
	return b.api.read(sets, targetName).(*appsv1.StatefulSet)
}

func podName(ordinal int) string { return fmt.Sprintf("%s-%d", targetName, ordinal) }

func (b *statefulSetBench) acted(sign, name string) {
	ms := time.Since(b.begin).Milliseconds()
	b.trace.Acts = append(b.trace.Acts, act{ms, sign + strings.TrimPrefix(name, targetName+"-")})
}

// createPod gives a new pod what the API server gives it, and lets the fake store it.
func (b *statefulSetBench) createPod(action clienttesting.Action) (bool, runtime.Object, error) {
	pod := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
	b.uid++
	pod.UID = types.UID(strconv.Itoa(b.uid))
	pod.CreationTimestamp = now()
	pod.Status.Phase = corev1.PodPending
	b.acted("+", pod.Name)
	return false, nil, nil
}

// deletePod marks the pod; it is gone when the kubelet says so.
func (b *statefulSetBench) deletePod(action clienttesting.Action) (bool, runtime.Object, error) {
	name := action.(clienttesting.DeleteAction).GetName()
	b.acted("-", name)
	pod := b.pod(name)
	if pod == nil || pod.DeletionTimestamp != nil {
		return true, nil, nil
	}
	b.terminate(pod)
	return true, nil, nil
}

func (b *statefulSetBench) terminate(pod *corev1.Pod) {
	pod.DeletionTimestamp = ptr(now())
	b.api.update(podsResource, pod)
}

func (b *statefulSetBench) pod(name string) *corev1.Pod {
	pod, _ := b.api.read(podsResource, name).(*corev1.Pod)
	return pod
}

// turn is what the kubelet or a user does to a pod. To one that is not there nothing happens.
func (b *statefulSetBench) turn(name, to string) {
	pod := b.pod(name)
	switch {
	case pod == nil:
		return
	case to == "gone":
		if pod.DeletionTimestamp != nil {
			b.api.remove(podsResource, name)
		}
		return
	case to == "delete":
		if pod.DeletionTimestamp == nil {
			b.terminate(pod)
		}
		return
	}
	ready := corev1.ConditionFalse
	switch to {
	case "ready":
		pod.Status.Phase, ready = corev1.PodRunning, corev1.ConditionTrue
	case "running":
		pod.Status.Phase = corev1.PodRunning
	case "failed":
		pod.Status.Phase = corev1.PodFailed
	case "succeeded":
		pod.Status.Phase = corev1.PodSucceeded
	}
	since := now()
	for _, condition := range pod.Status.Conditions {
		if condition.Status == ready {
			since = condition.LastTransitionTime
		}
	}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready, LastTransitionTime: since}}
	b.api.update(podsResource, pod)
}

// podsText is like "0R 1N 2T": P pending, N running and not ready, R ready, F failed, S succeeded, T terminating.
func (b *statefulSetBench) podsText() string {
	object, err := b.api.Tracker().List(podsResource, corev1.SchemeGroupVersion.WithKind("Pod"), namespace)
	must(err)
	pods := object.(*corev1.PodList).Items
	ordinal := func(index int) int {
		number, err := strconv.Atoi(strings.TrimPrefix(pods[index].Name, targetName+"-"))
		must(err)
		return number
	}
	sort.Slice(pods, func(i, j int) bool { return ordinal(i) < ordinal(j) })
	texts := make([]string, len(pods))
	for index := range pods {
		texts[index] = strconv.Itoa(ordinal(index)) + letterOf(&pods[index])
	}
	return strings.Join(texts, " ")
}

func letterOf(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil {
		return "T"
	}
	if pod.Status.Phase != corev1.PodRunning {
		return string(pod.Status.Phase[0])
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
			return "R"
		}
	}
	return "N"
}

// recordStatefulSet draws a StatefulSet and a course for it, and leads the controller through it.
func recordStatefulSet(chance *rand.Rand, id string) any {
	trace := &statefulSetTrace{
		ID:       id,
		Policy:   oneOf(chance, "OrderedReady", "OrderedReady", "Parallel"),
		Replicas: oneOf(chance, 0, 1, 3, chance.Int32N(7)),
		Acts:     []act{},
	}
	if chance.IntN(3) == 0 {
		trace.MinReadySeconds = 1 + chance.Int32N(30)
	}
	instants := make([]int64, 5+chance.IntN(40))
	at := int64(0)
	for index := range instants {
		at += 100 + oneOf(chance, chance.Int64N(300), chance.Int64N(3000), chance.Int64N(15_000))
		instants[index] = offTheSecond(at)
	}
	trace.EndMs = instants[len(instants)-1] + 30_000
	(&statefulSetBench{trace: trace}).run(chance, instants)
	return trace
}

// offTheSecond moves an instant away from whole seconds: then the controller comes back for pods that have been ready for long
// enough, and while it writes a status it does not look at what happens.
func offTheSecond(ms int64) int64 { return ms - ms%1000 + min(max(ms%1000, 20), 950) }

// drawStep prefers what brings a course on: pods that become ready, and terminating ones that go. Now and then it names a pod
// that is not there.
func (b *statefulSetBench) drawStep(chance *rand.Rand, at int64) statefulSetStep {
	step := statefulSetStep{AtMs: at}
	pods := strings.Fields(b.podsText())
	if len(pods) == 0 || chance.IntN(6) == 0 {
		step.Replicas = ptr(oneOf(chance, 0, 1, 3, 5, chance.Int32N(7)))
		return step
	}
	if chance.IntN(20) == 0 {
		step.Pod = ptr(99)
		step.To = oneOf(chance, "ready", "gone")
		return step
	}
	pod := oneOf(chance, pods...)
	ordinal, err := strconv.Atoi(strings.TrimRight(pod, "PNRFST"))
	must(err)
	step.Pod = &ordinal
	step.To = oneOf(chance, "ready", "ready", "ready", "ready", "running", "failed", "succeeded", "delete")
	if strings.HasSuffix(pod, "T") && chance.IntN(4) > 0 {
		step.To = "gone"
	}
	return step
}
