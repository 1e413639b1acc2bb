package ftfy_test

import (
	"fmt"

	"clipgo/text/ftfy"
)

func Example() {
	fmt.Printf("%+q\n", ftfy.Fix("cafÃ© &amp; thÃ©, the chefâ€™s choice"))
	// Output: "caf\u00e9 & th\u00e9, the chef's choice"
}

// Fix leaves entities alone in what may be HTML; Unescape replaces all.
func ExampleUnescape() {
	fmt.Printf("%+q\n", ftfy.Fix("<b>caf&eacute;</b>"))
	fmt.Printf("%+q\n", ftfy.Unescape("<b>caf&eacute;</b>"))
	// Output:
	// "<b>caf&eacute;</b>"
	// "<b>caf\u00e9</b>"
}
