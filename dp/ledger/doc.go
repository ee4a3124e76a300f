// Package ledger keeps what was spent of a privacy budget in a file, over many
// runs and processes, for one group of people.
//
// A budget in memory forgets. If a table of people is released from this month
// and the next, by two programs, what they lose adds up, and somebody has to do
// the adding. A ledger is the file in which it is done: it holds a cap, and one
// line for every release that was paid for. Spend adds a line, and returns only
// when the line has reached the disk; noise is drawn after that. So whenever
// the machine stops, there is no release without its line. There can be a line
// without its release, and it counts: nobody can tell how far the release got.
//
// # Format
//
// A ledger is text, to be read by people and by any JSON parser. A line is a
// hash of 64 hexadecimal digits, a space, a JSON object, and a newline. The
// first object is a Header, the others are Entries:
//
//	6d9e…41 {"oboro_ledger":1,"unit":"patient_id","epsilon":"2","delta":"1e-6"}
//	be01…9c {"entry":1,"time":"2026-03-31T08:00:00Z","policy":"2f0c…","release":"by_city","epsilon":"1/2","delta":"1e-8"}
//
// The hash of a line is the SHA-256 of the hash of the line before it (64 zeros
// for the first), a space, and the object, byte for byte. Who changes, removes
// or inserts a line would have to change all hashes after it, and the last of
// them stands in the report of the release that was paid for then. Amounts are
// exact decimals or fractions and are added as such.
//
// # What it cannot see
//
// A ledger trusts those who can write to it: whoever keeps it can keep a second
// one, or put back an older copy. Against that there are the hashes in the
// reports that were published (Verified.Holds), and a ledger kept where only
// one program may write. It cannot see either whether two tables are about the
// same people; that is for its keeper to say, by using one ledger or two.
// Locking between processes is that of the file system, and needs a local one.
package ledger
