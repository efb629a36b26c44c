// Wrong: splits at every comma and takes the quotes away.
package csvline

import (
	"errors"
	"strings"
)

func Parse(line string) ([]string, error) {
	fields := strings.Split(line, ",")
	for i, field := range fields {
		if strings.Count(field, `"`)%2 == 1 {
			return nil, errors.New("no closing quote")
		}
		fields[i] = strings.ReplaceAll(strings.Trim(field, `"`), `""`, `"`)
	}
	return fields, nil
}
