// Part of a stand-in for ARX that does nothing: only what Anonymize.java calls.
package org.deidentifier.arx;

public class DataDefinition {
    public void setAttributeType(String attribute, AttributeType type) {
    }
}
