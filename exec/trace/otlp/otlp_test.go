package otlp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	wire "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"shipit/exec/trace"
)

func aTrace(spans int) trace.Trace {
	t := trace.Trace{ID: [16]byte{1, 15: 2}, Parent: [8]byte{9, 7: 9}, Sampled: true}
	for i := range spans {
		s := trace.Span{ID: [8]byte{1, byte(i), byte(i >> 8)}, Parent: t.Parent, Name: "deploy hello", Start: time.Unix(1000, 5), End: time.Unix(1010, 0)}
		if i > 0 {
			s.Parent, s.Name, s.Err, s.End = t.Spans[0].ID, "web1", "it said no", time.Unix(999, 0)
			s.Attrs = []trace.Attr{{Key: "shipit.host", Value: "web1"}}
		}
		t.Spans = append(t.Spans, s)
	}
	return t
}

// A collector of these tests is the environment's, so they do not run at the same time.
func collecting(t *testing.T, answer http.HandlerFunc) {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=s3cret")
}

func TestACollectorGetsTheSpansAsTheyWere(t *testing.T) {
	var got []*wire.Span
	service := ""
	collecting(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var all collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &all); err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("X-Key") != "s3cret" {
			t.Errorf("%s %v %v", r.URL.Path, r.Header, err)
		}
		for _, rs := range all.ResourceSpans {
			for _, a := range rs.Resource.Attributes {
				if a.Key == "service.name" {
					service = a.Value.GetStringValue()
				}
			}
			for _, ss := range rs.ScopeSpans {
				got = append(got, ss.Spans...)
			}
		}
	})
	sent, err := Send(t.Context(), aTrace(batch+2), "1.2.3")
	if err != nil || sent != batch+2 || len(got) != sent || service != "shipit" {
		t.Fatalf("%d sent, %d there, of %q: %v", sent, len(got), service, err)
	}
	root, child := got[0], got[1]
	if root.Name != "deploy hello" || root.TraceId[0] != 1 || root.TraceId[15] != 2 || root.ParentSpanId[0] != 9 || root.SpanId[0] != 1 ||
		root.StartTimeUnixNano != 1000_000000005 || root.EndTimeUnixNano != 1010_000000000 {
		t.Errorf("%v", root)
	}
	if string(child.ParentSpanId) != string(root.SpanId) || child.Status.Code != wire.Status_STATUS_CODE_ERROR || child.Status.Message != "it said no" ||
		child.Attributes[0].Key != "shipit.host" || child.EndTimeUnixNano != child.StartTimeUnixNano {
		t.Errorf("%v", child)
	}
}

func TestACollectorThatHangsIsLeft(t *testing.T) {
	release := make(chan struct{})
	collecting(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if sent, err := Send(ctx, aTrace(1), ""); sent != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d, %v", sent, err)
	}
}

func TestACollectorMayRefuseAPart(t *testing.T) {
	collecting(t, func(w http.ResponseWriter, _ *http.Request) {
		body, _ := proto.Marshal(&collector.ExportTraceServiceResponse{PartialSuccess: &collector.ExportTracePartialSuccess{RejectedSpans: 1, ErrorMessage: "too old"}})
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(body)
	})
	if _, err := Send(t.Context(), aTrace(1), ""); err == nil || !strings.Contains(err.Error(), "too old") {
		t.Error(err)
	}
}

func TestTheEnvironmentDecides(t *testing.T) {
	t.Parallel()
	const at = "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"
	for env, want := range map[string]struct {
		wanted bool
		says   string
	}{
		"":                                {},
		at:                                {wanted: true},
		at + " OTEL_SDK_DISABLED=true":    {},
		at + " OTEL_TRACES_EXPORTER=none": {},
		at + " OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf":                                              {wanted: true},
		at + " OTEL_EXPORTER_OTLP_PROTOCOL=grpc":                                                       {says: "OTEL_EXPORTER_OTLP_PROTOCOL is grpc"},
		at + " OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf":      {wanted: true},
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://localhost:4318/v1/traces OTEL_TRACES_EXPORTER=otlp": {wanted: true},
	} {
		wanted, says := Wanted(func(name string) string {
			for _, pair := range strings.Fields(env) {
				if v, ok := strings.CutPrefix(pair, name+"="); ok {
					return v
				}
			}
			return ""
		})
		if wanted != want.wanted || !strings.HasPrefix(says, want.says) || want.says == "" && says != "" {
			t.Errorf("%s: %v %q", env, wanted, says)
		}
	}
	if sent, err := Send(t.Context(), trace.Trace{Spans: aTrace(1).Spans}, ""); sent != 0 || err != nil {
		t.Errorf("an unsampled trace: %d, %v", sent, err)
	}
}
