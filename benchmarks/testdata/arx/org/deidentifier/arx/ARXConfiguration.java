// Part of a stand-in for ARX that does nothing: only what Anonymize.java calls.
package org.deidentifier.arx;

public class ARXConfiguration {
    public static ARXConfiguration create(double limit, org.deidentifier.arx.metric.Metric<?> metric) {
        return new ARXConfiguration();
    }

    public void addPrivacyModel(org.deidentifier.arx.criteria.KAnonymity model) {
    }
}
