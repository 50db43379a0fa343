package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"jitos.dev/rmg"
)

// fingerprintHead says which hash a fingerprint is.
const fingerprintHead = "sha256:"

// Fingerprint is what a certificate, in DER, is pinned by: sha256: and 64 hex
// digits, of the same bytes as `openssl x509 -fingerprint -sha256` prints.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return fingerprintHead + hex.EncodeToString(sum[:])
}

// ParseFingerprint brings a fingerprint into the form of Fingerprint; colons
// between bytes and upper case are let through, as openssl prints them. Invalid:
// it is none.
func ParseFingerprint(s string) (string, error) {
	digits, ok := strings.CutPrefix(strings.ToLower(s), fingerprintHead)
	digits = strings.ReplaceAll(digits, ":", "")
	if sum, err := hex.DecodeString(digits); !ok || err != nil || len(sum) != sha256.Size {
		return "", NewProblem(rmg.Invalid, "%q is no fingerprint of a certificate", s).WithHint("use sha256: and 64 hex digits; jitos status on the daemon's machine prints it")
	}
	return fingerprintHead + digits, nil
}
