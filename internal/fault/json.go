package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// JSON is an error of encoding/json in the words of the file: the key, what it has, and what it should have. Other errors are returned
// as they are.
func JSON(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		key := ""
		if wrong.Field != "" {
			key = Short(wrong.Field) + ": "
		}
		return fmt.Errorf("%sit is %s, not %s", key, found(wrong.Value), wanted(wrong.Type))
	}
	if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not JSON: byte %d: %s", bad.Offset, bad.Error())
	}
	return err
}

func found(value string) string {
	kind, number, _ := strings.Cut(value, " ")
	switch kind {
	case "number":
		if number == "" {
			return "a number"
		}
		return "the number " + Short(number)
	case "string":
		return "text"
	case "bool":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "an object"
	}
	return Short(value)
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Pointer:
		return wanted(t.Elem())
	}
	return "an object"
}

// maxName is the number of bytes of a name in a message.
const maxName = 200

// Short cuts a name that a message quotes, such as one from a file that somebody else wrote.
func Short(name string) string {
	if len(name) <= maxName {
		return name
	}
	end := maxName
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + "..."
}
