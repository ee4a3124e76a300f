// Part of a stand-in for ARX that does nothing: only what Anonymize.java calls.
package org.deidentifier.arx;

public class ARXAnonymizer {
    public static final String VERSION = "0.0";

    public ARXResult anonymize(Data data, ARXConfiguration config) {
        return new ARXResult();
    }
}
