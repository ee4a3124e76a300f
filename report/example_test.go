package report_test

import (
	"fmt"

	"github.com/oboro-data/oboro/report"
)

// A report is a value: fill it in, then write it in three forms.
func ExampleReport_JSON() {
	epsilon := "1/2"
	r := report.Report{
		Title: "Visits",
		Total: &report.Total{Epsilon: &epsilon},
	}
	text, err := r.JSON()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(text))
	// Output:
	// {
	//   "oboro": 1,
	//   "title": "Visits",
	//   "policy_sha256": "",
	//   "files": {},
	//   "total": {
	//     "epsilon": "1/2",
	//     "delta": null,
	//     "rho": null
	//   },
	//   "releases": []
	// }
}
