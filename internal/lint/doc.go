// Package lint holds tests on the tree itself: the direction of imports, doc
// comments, what library code must not do, links in the documentation. It has
// no code but its tests.
package lint
