// Part of a stand-in for ARX that does nothing: only what Anonymize.java calls.
package org.deidentifier.arx;

public class ARXLattice {
    public static class ARXNode {
        public int getGeneralization(String attribute) {
            return 1;
        }
    }
}
