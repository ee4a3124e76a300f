import java.io.File;
import java.nio.charset.StandardCharsets;

import org.deidentifier.arx.ARXAnonymizer;
import org.deidentifier.arx.ARXConfiguration;
import org.deidentifier.arx.ARXLattice.ARXNode;
import org.deidentifier.arx.ARXResult;
import org.deidentifier.arx.AttributeType;
import org.deidentifier.arx.Data;
import org.deidentifier.arx.criteria.KAnonymity;
import org.deidentifier.arx.metric.Metric;

/**
 * Times one call of anonymize() in this fresh process, without reading the
 * table and without writing it: 5-anonymity, Loss with a factor of one half.
 *
 * Arguments: "loss" or "precomputed", the share of rows that may be suppressed,
 * the table, and for each quasi-identifier its name and its hierarchy's file.
 * Prints one line: ARX's version, the seconds, and the levels of the optimum.
 */
public final class Anonymize {

    private Anonymize() {
    }

    public static void main(String[] args) throws Exception {
        Metric<?> metric = args[0].equals("precomputed") ? Metric.createPrecomputedLossMetric(1.0, 0.5) : Metric.createLossMetric(0.5);
        double limit = Double.parseDouble(args[1]);
        Data data = Data.create(new File(args[2]), StandardCharsets.UTF_8, ';');
        for (int i = 3; i < args.length; i += 2) {
            File hierarchy = new File(args[i + 1]);
            data.getDefinition().setAttributeType(args[i], AttributeType.Hierarchy.create(hierarchy, StandardCharsets.UTF_8, ';'));
        }
        ARXConfiguration config = ARXConfiguration.create(limit, metric);
        config.addPrivacyModel(new KAnonymity(5));
        ARXAnonymizer anonymizer = new ARXAnonymizer();

        long start = System.nanoTime();
        ARXResult result = anonymizer.anonymize(data, config);
        double seconds = (System.nanoTime() - start) / 1e9;

        StringBuilder line = new StringBuilder();
        line.append(ARXAnonymizer.VERSION).append(' ').append(seconds);
        ARXNode optimum = result.getGlobalOptimum();
        for (int i = 3; i < args.length; i += 2) {
            line.append(' ').append(optimum == null ? -1 : optimum.getGeneralization(args[i]));
        }
        System.out.println(line);
    }
}
