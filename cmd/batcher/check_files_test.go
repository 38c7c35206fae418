//go:build unix

package main_test

import (
	"os"
	"strings"
	"testing"
)

// Each fault of a file is at the key that names it.
func TestCheckNamesTheFilesAtFault(t *testing.T) {
	cert, key := newAuthority(t).files("localhost")
	good, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	broken := written(t, string(good)+"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
	cut := written(t, string(good)+string(good[:len(good)/2]))
	locked := written(t, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n")
	older := written(t, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIIB\n-----END RSA PRIVATE KEY-----\n")
	for text, want := range map[string]string{
		"tls: {cert: " + cert + ", key: " + key + ", client-ca: /none}":                       "tls.client-ca: open /none: no such file",
		"tls: {cert: " + cert + ", key: /none}":                                               "tls.cert: open /none: no such file",
		"tls: {cert: " + cert + ", key: " + locked + "}":                                      "tls.cert: " + locked + " is encrypted",
		"upstream-tls: {cert: " + cert + ", key: " + older + "}":                              "upstream-tls.cert: " + older + " is encrypted",
		"upstream-tls: {cert: /none, key: /none}":                                             "upstream-tls.cert: open /none: no such file",
		"upstream-tls: {ca: " + broken + "}":                                                  "upstream-tls.ca: " + broken + ": certificate 2: x509: ",
		"upstream-tls: {ca: " + cut + "}":                                                     "upstream-tls.ca: " + cut + ": only 1 of 2 certificates are PEM",
		"upstream-tls: {ca: " + key + "}":                                                     "upstream-tls.ca: " + key + " holds no certificate in PEM",
		"nats: nats://127.0.0.1:1\nqueue: {ca: /none}":                                        "queue.ca: open /none: no such file",
		"nats: nats://127.0.0.1:1\nqueue: {cert: /none, key: /none}":                          "queue.cert: open /none: no such file",
		"nats: nats://127.0.0.1:1\nqueue: {credentials: /none}":                               "queue.credentials: open /none: no such file",
		"admin: {probe: /%zz}":                                                                `admin.probe: "/%zz" is not a path`,
		"upstream-token: " + written(t, "a\x01b"):                                             "upstream-token: ",
		"tokens: " + written(t, "\xff\xfet\x00o\x00k\x00e\x00n\x00"):                          "tokens: ",
		"upstream-tls: {ca: " + written(t, "a comment\n"+string(good)+string(good)) + "}":     "",
		"tokens: " + written(t, "\ufefftoken") + "\nupstream-token: " + written(t, "\ufeffa"): "",
	} {
		name := written(t, "upstream: http://up\nroutes: [{protocol: kserve-v1}]\n"+text+"\n")
		o := run("", "check", "--config", name)
		if want == "" && o.status != 0 || want != "" && (o.status != 1 || !strings.HasPrefix(o.stderr, name+":") || !strings.Contains(o.stderr, ": "+want)) {
			t.Errorf("%s: status %d, %swant %s", text, o.status, o.stderr, want)
		}
	}
}
