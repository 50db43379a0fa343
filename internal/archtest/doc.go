// Package archtest holds the tests of the house: who may import whom, what the
// pure packages stay away from, and that every package says what it is.
package archtest
