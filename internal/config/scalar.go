package config

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// scalar sets a field of a plain type.
func scalar(v reflect.Value, n node) error {
	switch k := v.Kind(); {
	case v.Type() == durationType:
		return setDuration(v, n)
	case k == reflect.Bool:
		return setBool(v, n)
	case v.CanInt():
		return setInt(v, n)
	case v.CanUint():
		return setUint(v, n)
	case v.CanFloat():
		return setFloat(v, n)
	case k == reflect.String:
		if n.kind != text && n.kind != raw {
			return errors.New("want a string")
		}
		v.SetString(n.text)
		return nil
	default:
		return fmt.Errorf("a %s can't be set here", v.Type())
	}
}

func setBool(v reflect.Value, n node) error {
	if n.kind != boolean && n.kind != raw || n.text != "true" && n.text != "false" {
		return errors.New("want true or false")
	}
	v.SetBool(n.text == "true")
	return nil
}

func setInt(v reflect.Value, n node) error {
	i, err := strconv.ParseInt(n.text, 10, 64)
	if whole, ok := wholeFloat(n.text); err != nil && ok {
		i, err = whole, nil
	}
	if !numeric(n) || err != nil || v.OverflowInt(i) {
		return fmt.Errorf("want a whole number%s", span(v.Type()))
	}
	v.SetInt(i)
	return nil
}

func setUint(v reflect.Value, n node) error {
	u, err := strconv.ParseUint(n.text, 10, 64)
	if whole, ok := wholeFloat(n.text); err != nil && ok && whole >= 0 {
		u, err = uint64(whole), nil
	}
	if !numeric(n) || err != nil || v.OverflowUint(u) {
		return fmt.Errorf("want a whole number%s", span(v.Type()))
	}
	v.SetUint(u)
	return nil
}

// wholeFloat takes 1e5 for a whole number, as far as a float64 has them all.
func wholeFloat(s string) (int64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

func setFloat(v reflect.Value, n node) error {
	f, err := strconv.ParseFloat(n.text, v.Type().Bits())
	if !numeric(n) || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return errors.New("want a number")
	}
	v.SetFloat(f)
	return nil
}

// setDuration takes 10m or 1h30m, and from a file also encoding/json's nanoseconds.
func setDuration(v reflect.Value, n node) error {
	if n.kind == number {
		return setInt(v, n)
	}
	d, err := time.ParseDuration(n.text)
	if n.kind != text && n.kind != raw || err != nil {
		return errors.New("want a duration such as 90s or 1h30m")
	}
	v.SetInt(int64(d))
	return nil
}

func numeric(n node) bool { return n.kind == number || n.kind == raw }

// span names the bounds of a narrow or unsigned type.
func span(t reflect.Type) string {
	bits := t.Bits()
	switch signed := t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64; {
	case signed && bits < 64:
		return fmt.Sprintf(" from %d to %d", -(int64(1) << (bits - 1)), int64(1)<<(bits-1)-1)
	case !signed && bits < 64:
		return fmt.Sprintf(" from 0 to %d", uint64(1)<<bits-1)
	case !signed:
		return " that is not negative"
	default:
		return ""
	}
}

// plural names many values of a type.
func plural(t reflect.Type) string {
	t = deref(t)
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "strings"
	case reflect.Float32, reflect.Float64:
		return "numbers"
	case reflect.Struct:
		return "objects"
	case reflect.Slice, reflect.Array:
		return "lists"
	default:
		if t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64 {
			return "whole numbers"
		}
		return t.String() + " values"
	}
}
