package traces

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// sendTimeout is how long a collector may take to answer.
const sendTimeout = 10 * time.Second

// Exporter sends spans to a collector, as OTLP over HTTP in JSON.
type Exporter struct {
	URL     string            // that takes traces: http://HOST:4318/v1/traces
	Headers map[string]string // of each request
	Service string            // its name; "jitos" if empty
	Version string            // of this program
	Client  *http.Client      // nil for one of its own
}

// FromEnvironment is the exporter that the usual variables ask for, nil if none does:
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT as it is, or OTEL_EXPORTER_OTLP_ENDPOINT, or else
// the endpoint that is given, with /v1/traces; with OTEL_EXPORTER_OTLP_HEADERS and
// OTEL_SERVICE_NAME. OTEL_SDK_DISABLED=true is none. get is os.Getenv.
func FromEnvironment(get func(string) string, endpoint string) (*Exporter, error) {
	at := get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if at == "" {
		if base := get("OTEL_EXPORTER_OTLP_ENDPOINT"); base != "" {
			endpoint = base
		}
		if endpoint == "" {
			return nil, nil
		}
		at = strings.TrimSuffix(endpoint, "/") + "/v1/traces"
	}
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") {
		return nil, nil
	}
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the endpoint for traces is %q, and should be like http://localhost:4318", at)
	}
	e := &Exporter{URL: at, Service: get("OTEL_SERVICE_NAME"), Headers: map[string]string{}}
	for _, one := range strings.Split(get("OTEL_EXPORTER_OTLP_HEADERS"), ",") {
		name, value, ok := strings.Cut(one, "=")
		if !ok {
			continue
		}
		if value, err = url.PathUnescape(strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_HEADERS: %s: %w", name, err)
		}
		e.Headers[strings.TrimSpace(name)] = value
	}
	return e, nil
}

// Send sends spans in one request.
func (e *Exporter) Send(ctx context.Context, spans []Span) error {
	body, err := json.Marshal(e.request(spans))
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, sendTimeout)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	for name, value := range e.Headers {
		req.Header.Set(name, value)
	}
	client := e.Client
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s: %s", e.URL, res.Status, strings.TrimSpace(string(said)))
	}
	var partial struct {
		PartialSuccess struct {
			RejectedSpans json.Number `json:"rejectedSpans"`
			ErrorMessage  string      `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if err == nil && json.Unmarshal(said, &partial) == nil && partial.PartialSuccess.ErrorMessage != "" {
		return errors.New(e.URL + " refuses spans: " + partial.PartialSuccess.ErrorMessage)
	}
	return err
}

// The JSON of OTLP: ids in hex, 64-bit numbers as strings, enumerations as numbers.
type (
	object    = map[string]any
	spanKind  int
	spanState int
)

const (
	kindInternal spanKind  = 1
	stateOK      spanState = 1
	stateError   spanState = 2
)

func (e *Exporter) request(spans []Span) object {
	service := e.Service
	if service == "" {
		service = "jitos"
	}
	list := make([]object, len(spans))
	for i, s := range spans {
		list[i] = encodeSpan(s)
	}
	return object{"resourceSpans": []object{{
		"resource":   object{"attributes": encodeAttributes([]Attribute{{"service.name", service}, {"service.version", e.Version}})},
		"scopeSpans": []object{{"scope": object{"name": "jitos.dev/net/traces", "version": e.Version}, "spans": list}},
	}}}
}

func encodeSpan(s Span) object {
	status := object{"code": stateOK}
	if s.Failed != "" {
		status = object{"code": stateError, "message": cut(s.Failed)}
	}
	out := object{
		"traceId": hex.EncodeToString(s.Trace[:]), "spanId": hex.EncodeToString(s.ID[:]), "name": s.Name, "kind": kindInternal,
		"startTimeUnixNano": nanos(s.Begins), "endTimeUnixNano": nanos(s.Ends), "attributes": encodeAttributes(s.Attributes), "status": status,
	}
	if s.Parent != [8]byte{} {
		out["parentSpanId"] = hex.EncodeToString(s.Parent[:])
	}
	if len(s.Events) > 0 {
		events := make([]object, len(s.Events))
		for i, ev := range s.Events {
			events[i] = object{"timeUnixNano": nanos(ev.At), "name": ev.Name, "attributes": encodeAttributes(ev.Attributes)}
		}
		out["events"] = events
	}
	if s.EventsDropped > 0 {
		out["droppedEventsCount"] = s.EventsDropped
	}
	return out
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

func encodeAttributes(list []Attribute) []object {
	out := make([]object, len(list))
	for i, a := range list {
		var value object
		switch v := a.Value.(type) {
		case int64:
			value = object{"intValue": strconv.FormatInt(v, 10)}
		case bool:
			value = object{"boolValue": v}
		case string:
			value = object{"stringValue": v}
		}
		out[i] = object{"key": a.Name, "value": value}
	}
	return out
}
