// Part of a stand-in for ARX that does nothing: only what Anonymize.java calls.
package org.deidentifier.arx.metric;

public class Metric<T> {
    public static Metric<?> createLossMetric(double factor) {
        return new Metric<Object>();
    }

    public static Metric<?> createPrecomputedLossMetric(double threshold, double factor) {
        return new Metric<Object>();
    }
}
