package kanon

import "github.com/oboro-data/oboro/internal/fault"

// verifyModel checks a model on a recounted table with plain code. checked is
// false where the table does not hold what the model speaks of.
func verifyModel(m PrivacyModel, r *recount) (checked bool, err error) {
	switch m := m.(type) {
	case KAnonymity:
		for _, c := range r.classes {
			if c.people < m.K {
				return true, fails(m)
			}
		}
		return true, nil
	}
	return false, nil
}

func fails(m PrivacyModel) error {
	return fault.Dataf("%s does not hold: some class breaks it", m)
}
