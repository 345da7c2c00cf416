package main

import (
	"strconv"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

const (
	namespace  = "default"
	targetName = "web"
)

// apiServer is client-go's fake one, with resource versions: without them controllers take an update for a repetition and do
// not look at it.
type apiServer struct {
	*fake.Clientset
	version int
}

func newAPIServer() *apiServer {
	api := &apiServer{Clientset: fake.NewSimpleClientset()}
	stamp := func(action clienttesting.Action) (bool, runtime.Object, error) {
		// An update's object can be had in the same way.
		if write, ok := action.(clienttesting.CreateAction); ok {
			api.stamp(write.GetObject())
		}
		return false, nil, nil
	}
	api.PrependReactor("create", "*", stamp)
	api.PrependReactor("update", "*", stamp)
	return api
}

func (a *apiServer) stamp(object runtime.Object) {
	a.version++
	accessor, err := apimeta.Accessor(object)
	must(err)
	accessor.SetResourceVersion(strconv.Itoa(a.version))
}

// create, update, remove and read are what others than the controller do.
func (a *apiServer) create(resource schema.GroupVersionResource, object runtime.Object) {
	a.stamp(object)
	must(a.Tracker().Create(resource, object, namespace))
}

func (a *apiServer) update(resource schema.GroupVersionResource, object runtime.Object) {
	a.stamp(object)
	must(a.Tracker().Update(resource, object, namespace))
}

// remove writes once more before: the version in a deletion's event must be a new one.
func (a *apiServer) remove(resource schema.GroupVersionResource, name string) {
	object := a.read(resource, name)
	a.update(resource, object)
	must(a.Tracker().Delete(resource, namespace, name))
}

// read is nil where there is no such object; what it returns is a copy.
func (a *apiServer) read(resource schema.GroupVersionResource, name string) runtime.Object {
	object, err := a.Tracker().Get(resource, namespace, name)
	if err != nil {
		return nil
	}
	return object.DeepCopyObject()
}

// now is an instant as the API stores it: whole seconds.
func now() metav1.Time { return metav1.NewTime(metav1.Now().Truncate(1e9)) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}
