package graphml

import (
	"math"
	"strconv"
	"strings"

	"jitos.dev/rmg"
)

// form is how a value is written.
type form uint8

const (
	formBool form = iota
	formInt
	formFloat
	formText
	formJSON
)

// What keys are called in documents of ours. A key of which the id ends in
// jsonMark holds JSON.
const (
	formatID = "rmg.format"
	kindID   = "kind"
	restID   = "props" + jsonMark // props that have no key of their own
	jsonMark = ".json"

	format = "1"
)

// attrType is the attr.type of a form.
func (f form) attrType() string {
	switch f {
	case formBool:
		return "boolean"
	case formInt:
		return "long"
	case formFloat:
		return "double"
	}
	return "string"
}

// formOfType is the form of an attr.type; what is not known is text.
func formOfType(t string) form {
	switch t {
	case "boolean":
		return formBool
	case "int", "long":
		return formInt
	case "float", "double":
		return formFloat
	}
	return formText
}

// formOf is how a value is written.
func formOf(v rmg.Value) form {
	switch v.Type() {
	case rmg.TypeBool:
		return formBool
	case rmg.TypeInt:
		return formInt
	case rmg.TypeFloat:
		return formFloat
	case rmg.TypeString:
		s, _ := v.AsString()
		return formOfText(s)
	}
	return formJSON
}

func formOfText(s string) form {
	if sayable(s) {
		return formText
	}
	return formJSON
}

// write is the text of a value in a form.
func (f form) write(v rmg.Value) (string, error) {
	switch f {
	case formBool:
		b, _ := v.AsBool()
		return strconv.FormatBool(b), nil
	case formInt:
		i, _ := v.AsInt()
		return strconv.FormatInt(i, 10), nil
	case formFloat:
		x, _ := v.AsFloat()
		return floatText(x), nil
	case formText:
		s, _ := v.AsString()
		return s, nil
	}
	data, err := v.MarshalJSON()
	return jsonText(data), err
}

// floatText is a double as XML Schema writes it.
func floatText(x float64) string {
	switch {
	case math.IsInf(x, 1):
		return "INF"
	case math.IsInf(x, -1):
		return "-INF"
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// jsonText escapes the two characters that JSON writes as they are and XML has no
// form for. They stand in strings only.
func jsonText(data []byte) string {
	return strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`).Replace(string(data))
}

// read is the value of a text; none for a boolean or a number that is empty.
func (f form) read(text string) (v rmg.Value, err error) {
	switch f {
	case formText:
		return rmg.String(text), nil
	case formJSON:
		err = v.UnmarshalJSON([]byte(text))
		return v, err
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return v, nil
	}
	switch f {
	case formBool:
		switch strings.ToLower(text) {
		case "true", "1":
			return rmg.Bool(true), nil
		case "false", "0":
			return rmg.Bool(false), nil
		}
	case formInt:
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return rmg.Int(i), nil
		}
	case formFloat:
		// Go reads hexadecimal floats as well; XML has none.
		if x, err := strconv.ParseFloat(text, 64); err == nil && !strings.ContainsAny(text, "xXpP_") {
			return rmg.Float(x), nil
		}
	}
	return v, &rmg.Error{Code: rmg.Invalid, Msg: quoted(text) + " is no " + f.attrType()}
}

// quoted is a text in quotes, cut where it is long.
func quoted(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.Quote(s)
}
