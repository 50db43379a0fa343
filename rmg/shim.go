package rmg

func (p Props) set(list []Prop) Props {
	for _, x := range list {
		p = p.With(x.Name, x.Value)
	}
	return p
}

func encOf(p Props) string {
	if p.IsZero() {
		return ""
	}
	b, _ := p.MarshalCBOR()
	return string(b)
}
func propsOf(s string) (p Props) {
	if s == "" {
		return
	}
	p.UnmarshalCBOR([]byte(s))
	return
}

func validProps(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	var p Props
	return p.UnmarshalCBOR(b)
}
