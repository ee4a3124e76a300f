// Package code turns columns into dense codes, and tuples of codes into class
// keys. All that follows (counting, searching, bounding) works on integers.
package code
