// Part of a stand-in for ARX that does nothing: only what Anonymize.java calls.
package org.deidentifier.arx.criteria;

public class KAnonymity {
    public KAnonymity(int k) {
    }
}
