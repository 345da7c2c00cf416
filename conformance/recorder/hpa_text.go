package main

import (
	"regexp"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

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
	// What was said once is counted up from then on: a patch of the event of that name.
	byName map[string]string
}

func (e *eventLog) take(action clienttesting.Action) (bool, runtime.Object, error) {
	switch action := action.(type) {
	case clienttesting.CreateAction:
		event := action.GetObject().(*corev1.Event)
		if event.Reason == "SuccessfulRescale" {
			e.message = event.Message
			e.byName[event.Name] = event.Message
		}
		return true, event, nil
	case clienttesting.PatchAction:
		if message, known := e.byName[action.GetName()]; known {
			e.message = message
		}
	}
	return true, &corev1.Event{}, nil
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
