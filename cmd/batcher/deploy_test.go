package main_test

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The image's binary is built as the Dockerfile says, and needs nothing beside it.
func TestDeployBinaryIsStatic(t *testing.T) {
	text, err := os.ReadFile("../../deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0) (go build .*) -o /batcher \./cmd/batcher$`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("the Dockerfile does not build the program:\n%s", text)
	}
	name := filepath.Join(t.TempDir(), "batcher")
	// With other paths in it all of the standard library would be compiled for this test.
	build := strings.Replace(string(found[2]), " -trimpath", "", 1)
	cmd := exec.Command("sh", "-c", build+" -o "+name+" .")
	cmd.Env = append(os.Environ(), string(found[1]), "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	file, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary needs a dynamic linker")
		}
	}
}

// The manifest's configuration is right, and its probes fit it.
func TestDeploySidecar(t *testing.T) {
	text, err := os.ReadFile("../../deploy/sidecar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	docs := strings.Split(string(text), "\n---\n")
	var config struct{ Data map[string]string }
	var deployment struct {
		Spec struct {
			Template struct {
				Spec struct {
					Termination    int `yaml:"terminationGracePeriodSeconds"`
					InitContainers []struct {
						Args  []string
						Env   []struct{ Name, Value string }
						Ports []struct {
							Name string
							Port int `yaml:"containerPort"`
						}
						Resources struct {
							Limits struct{ Memory string }
						}
						VolumeMounts []struct {
							MountPath string `yaml:"mountPath"`
						} `yaml:"volumeMounts"`
					} `yaml:"initContainers"`
				}
			}
		}
	}
	var service struct {
		Spec struct {
			Ports []struct {
				Target any `yaml:"targetPort"`
			}
		}
	}
	if err := yaml.Unmarshal([]byte(docs[2]), &service); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(docs[0]), &config); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(docs[1]), &deployment); err != nil {
		t.Fatal(err)
	}
	o := run("", "check", "--config", written(t, config.Data["batcher.yaml"]))
	if o.status != 0 {
		t.Errorf("the configuration is wrong: %s", o.stderr)
	}
	sidecar := deployment.Spec.Template.Spec.InitContainers[0]
	if got := strings.Join(sidecar.Args, " "); got != "serve --config "+sidecar.VolumeMounts[0].MountPath+"/batcher.yaml" {
		t.Errorf("it runs %q with the configuration in %q", got, sidecar.VolumeMounts[0].MountPath)
	}
	if !strings.Contains(o.stdout, "service port is 0.0.0.0:8080,") || sidecar.Ports[0].Port != 8080 ||
		!strings.Contains(o.stdout, "admin port is 0.0.0.0:9090,") || sidecar.Ports[1].Port != 9090 {
		t.Errorf("the ports are %v, and check says\n%s", sidecar.Ports, o.stdout)
	}
	if got := fmt.Sprint(service.Spec.Ports[0].Target); got != "8080" { // not a name: see there
		t.Errorf("the service asks port %s", got)
	}
	if got := deployment.Spec.Template.Spec.Termination; got <= 5+15+20 { // see there
		t.Errorf("all of the pod has %d s to end", got)
	}
	if limit, env := sidecar.Resources.Limits.Memory, fmt.Sprint(sidecar.Env); limit != "512Mi" || env != "[{GOMEMLIMIT 450MiB}]" {
		t.Errorf("the limit of memory is %s, and the environment has %s", limit, env)
	}
}
