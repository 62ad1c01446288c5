// Package otlp sends traces by OTLP over HTTP, where the standard environment
// variables of OpenTelemetry name a collector: spans as they end, and the rest
// when the run is over, within a deadline. No run waits for it.
package otlp

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"

	"shipit/exec/trace"
)

// batch is how many spans are sent in one request.
const batch = 512

// Wanted tells whether the environment names a collector; problem is why it
// cannot be sent to all the same.
func Wanted(getenv func(string) string) (wanted bool, problem string) {
	if getenv("OTEL_SDK_DISABLED") == "true" || getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false, ""
	}
	if getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return false, ""
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		switch p := getenv(name); p {
		case "":
			continue
		case "http/protobuf":
		default:
			return false, fmt.Sprintf("%s is %s, and traces are sent by http/protobuf only: no trace is sent", name, p)
		}
		break
	}
	return true, ""
}

// Send sends a trace to the collector of the environment until ctx ends, and
// returns how many spans it took. Version is the program's.
func Send(ctx context.Context, t trace.Trace, version string) (sent int, err error) {
	if !t.Sampled || len(t.Spans) == 0 {
		return 0, nil
	}
	rejected := make(chan error, 1) // a collector that takes a part says so in a way of its own
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		select {
		case rejected <- err:
		default:
		}
	}))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return 0, fmt.Errorf("cannot send the trace: %w", err)
	}
	defer exporter.Shutdown(context.WithoutCancel(ctx)) //nolint:errcheck // it closes nothing that says anything
	spans, err := made(ctx, t, version)
	if err != nil {
		return 0, fmt.Errorf("cannot make the trace: %w", err)
	}
	for sent < len(spans) {
		next := min(sent+batch, len(spans))
		if err := exporter.ExportSpans(ctx, spans[sent:next]); err != nil {
			return sent, fmt.Errorf("cannot send the trace: %w", err)
		}
		sent = next
	}
	select {
	case err := <-rejected:
		return sent, fmt.Errorf("the collector did not take all of the trace: %w", err)
	default:
		return sent, nil
	}
}

// made has the SDK make its spans of ours: it offers no other way.
func made(ctx context.Context, t trace.Trace, version string) ([]sdk.ReadOnlySpan, error) {
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "shipit"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	got, next := &kept{}, &numbered{trace: t.ID}
	// Limits are for programs that do not know what they say; AlwaysSample, because who started us has decided.
	maker := sdk.NewTracerProvider(sdk.WithResource(about), sdk.WithSpanProcessor(got), sdk.WithIDGenerator(next),
		sdk.WithSampler(sdk.AlwaysSample())).Tracer("shipit", api.WithInstrumentationVersion(version))
	for _, s := range t.Spans {
		next.span = s.ID
		above := ctx
		if s.Parent != [8]byte{} {
			above = api.ContextWithRemoteSpanContext(ctx, api.NewSpanContext(api.SpanContextConfig{
				TraceID: t.ID, SpanID: s.Parent, TraceFlags: api.FlagsSampled, Remote: s.Parent == t.Parent,
			}))
		}
		var facts []attribute.KeyValue
		for _, a := range s.Attrs {
			facts = append(facts, attribute.String(a.Key, a.Value))
		}
		_, span := maker.Start(above, s.Name, api.WithTimestamp(s.Start), api.WithAttributes(facts...))
		if s.Err != "" {
			span.SetStatus(codes.Error, s.Err)
		}
		span.End(api.WithTimestamp(laterOf(s.Start, s.End)))
	}
	return got.spans, nil
}

// laterOf keeps a clock that was set back from making spans that end before
// they begin.
func laterOf(start, end time.Time) time.Time {
	if end.Before(start) {
		return start
	}
	return end
}

// numbered gives spans the ids that they have.
type numbered struct {
	trace api.TraceID
	span  api.SpanID
}

func (n *numbered) NewIDs(context.Context) (api.TraceID, api.SpanID)  { return n.trace, n.span }
func (n *numbered) NewSpanID(context.Context, api.TraceID) api.SpanID { return n.span }

// kept keeps spans as they end.
type kept struct{ spans []sdk.ReadOnlySpan }

func (k *kept) OnStart(context.Context, sdk.ReadWriteSpan) {}
func (k *kept) OnEnd(s sdk.ReadOnlySpan)                   { k.spans = append(k.spans, s) }
func (k *kept) Shutdown(context.Context) error             { return nil }
func (k *kept) ForceFlush(context.Context) error           { return nil }
