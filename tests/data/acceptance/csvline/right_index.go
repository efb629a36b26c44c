// Right: one index over the bytes.
package csvline

import (
	"errors"
	"strings"
)

func Parse(line string) ([]string, error) {
	var fields []string
	i := 0
	for {
		var field strings.Builder
		if i < len(line) && line[i] == '"' {
			i++
			closed := false
			for i < len(line) {
				if line[i] != '"' {
					field.WriteByte(line[i])
					i++
					continue
				}
				if i+1 < len(line) && line[i+1] == '"' {
					field.WriteByte('"')
					i += 2
					continue
				}
				i++
				closed = true
				break
			}
			if !closed {
				return nil, errors.New("csvline: no closing quote")
			}
			if i < len(line) && line[i] != ',' {
				return nil, errors.New("csvline: text after a closing quote")
			}
		} else {
			for i < len(line) && line[i] != ',' {
				field.WriteByte(line[i])
				i++
			}
		}
		fields = append(fields, field.String())
		if i == len(line) {
			return fields, nil
		}
		i++
	}
}
