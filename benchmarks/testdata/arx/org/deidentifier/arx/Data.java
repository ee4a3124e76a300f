// Part of a stand-in for ARX that does nothing: only what Anonymize.java calls.
package org.deidentifier.arx;

public class Data {
    private final DataDefinition definition = new DataDefinition();

    public static Data create(java.io.File file, java.nio.charset.Charset charset, char delimiter) {
        return new Data();
    }

    public DataDefinition getDefinition() {
        return definition;
    }
}
