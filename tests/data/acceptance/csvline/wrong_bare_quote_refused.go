// Wrong: refuses a quote in a plain field.
package csvline

import "fmt"

const (
	begin = iota
	plain
	quoted
	quote
)

func Parse(line string) ([]string, error) {
	fields := []string{}
	field := ""
	state := begin
	for at, r := range line {
		switch {
		case state == quoted && r == '"':
			state = quote
		case state == quoted:
			field += string(r)
		case state == quote && r == '"':
			field += `"`
			state = quoted
		case r == ',':
			fields = append(fields, field)
			field = ""
			state = begin
		case state == quote:
			return nil, fmt.Errorf("%q after a closing quote at byte %d", r, at)
		case state == begin && r == '"':
			state = quoted
		case r == '"':
			return nil, fmt.Errorf("a bare quote at byte %d", at)
		default:
			field += string(r)
			state = plain
		}
	}
	if state == quoted {
		return nil, fmt.Errorf("a quoted field of %q is not closed", line)
	}
	return append(fields, field), nil
}
