package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

func quantity(text string) resource.Quantity { return resource.MustParse(text) }

var conditionTypes = []autoscalingv2.HorizontalPodAutoscalerConditionType{
	autoscalingv2.AbleToScale, autoscalingv2.ScalingActive, autoscalingv2.ScalingLimited,
	// By its name, so that releases compile that do not know it.
	"ScaledToZero",
}

// conditionsText is like "+ReadyForNewScale +ValidMetricFound -DesiredWithinRange .": true, false or absent, and why.
func conditionsText(conditions []autoscalingv2.HorizontalPodAutoscalerCondition) string {
	texts := make([]string, len(conditionTypes))
	for index, wanted := range conditionTypes {
		texts[index] = "."
		for _, condition := range conditions {
			if condition.Type != wanted {
				continue
			}
			sign := "-"
			if condition.Status == corev1.ConditionTrue {
				sign = "+"
			}
			texts[index] = sign + condition.Reason
		}
	}
	return strings.Join(texts, " ")
}

// averagesText is what status.currentMetrics reports, a metric that failed as nothing.
func averagesText(metrics []autoscalingv2.MetricStatus) string {
	texts := make([]string, len(metrics))
	for index, metric := range metrics {
		if metric.External == nil {
			continue
		}
		if average := metric.External.Current.AverageValue; average != nil {
			texts[index] = average.String()
		} else if value := metric.External.Current.Value; value != nil {
			texts[index] = value.String()
		}
	}
	return strings.Join(texts, "|")
}

// eventLog keeps the message of the last SuccessfulRescale. client-go drops events of an object that has had 25 at once, so
// there may be none for a rescale.
type eventLog struct {
	message string
	// What is said again is counted up: a patch of the event of that name. An empty message: another kind of event.
	messages map[string]string
	created  int
}

// What client-go makes of more than ten different messages of one kind; which of them it still tells apart is by chance.
const combined = "(combined from similar events)"

func (e *eventLog) take(action clienttesting.Action) (bool, runtime.Object, error) {
	switch action := action.(type) {
	case clienttesting.CreateAction:
		return true, e.create(action.GetObject().DeepCopyObject().(*corev1.Event)), nil
	case clienttesting.PatchAction:
		name := action.GetName()
		var patch struct{ Message string }
		must(json.Unmarshal(action.GetPatch(), &patch))
		if patch.Message != "" && e.messages[name] != "" {
			e.messages[name] = patch.Message
		}
		if message := e.messages[name]; message != "" {
			e.message = message
		}
		return true, &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: name}}, nil
	}
	return false, nil, nil
}

// create numbers the names: client-go makes them of the time, which here is the same for all events of a pass. A combined event
// it goes on calling by the name that it gave.
func (e *eventLog) create(event *corev1.Event) *corev1.Event {
	message := ""
	if event.Reason == "SuccessfulRescale" {
		message = event.Message
		e.message = message
	}
	if strings.HasPrefix(event.Message, combined) {
		e.messages[event.Name] = message
	}
	e.created++
	event.Name = fmt.Sprintf("%s.%d", event.Name, e.created)
	e.messages[event.Name] = message
	return event
}

var rescaled = regexp.MustCompile(`New size: \d+; reason: (.*)$`)

// rescaleReason is a word for the reason of the rescale since it was asked last: above, below, max, min, empty.
func (e *eventLog) rescaleReason() string {
	found := rescaled.FindStringSubmatch(e.message)
	e.message = ""
	if found == nil {
		return ""
	}
	switch reason := found[1]; {
	case strings.HasSuffix(reason, "above target"):
		return "above"
	case strings.HasSuffix(reason, "below target"):
		return "below"
	case strings.HasSuffix(reason, "Spec.MaxReplicas"):
		return "max"
	case strings.HasSuffix(reason, "Spec.MinReplicas"):
		return "min"
	default:
		return "empty"
	}
}
