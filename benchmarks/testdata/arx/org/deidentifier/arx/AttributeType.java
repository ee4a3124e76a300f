// Part of a stand-in for ARX that does nothing: only what Anonymize.java calls.
package org.deidentifier.arx;

public class AttributeType {
    public static class Hierarchy extends AttributeType {
        public static Hierarchy create(java.io.File file, java.nio.charset.Charset charset, char delimiter) {
            return new Hierarchy();
        }
    }
}
