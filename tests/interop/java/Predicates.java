import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.sql.Date;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.hive.common.type.HiveDecimal;
import org.apache.hadoop.hive.ql.io.sarg.PredicateLeaf;
import org.apache.hadoop.hive.ql.io.sarg.SearchArgument;
import org.apache.hadoop.hive.ql.io.sarg.SearchArgumentFactory;
import org.apache.hadoop.hive.serde2.io.HiveDecimalWritable;
import org.apache.orc.OrcProto;
import org.apache.orc.Reader;
import org.apache.orc.StripeInformation;
import org.apache.orc.TypeDescription;
import org.apache.orc.impl.OrcIndex;
import org.apache.orc.impl.RecordReaderImpl;
import org.apache.orc.util.BloomFilter;
import org.apache.orc.util.BloomFilterIO;
import org.apache.orc.util.BloomFilterUtf8;

/**
 * What search arguments leave of a file, and whether its bloom filters are those that Java would have written.
 *
 * The fields of {@code sarg}: {@code column}, {@code type} (a PredicateLeaf.Type), {@code op} (equals,
 * nullSafeEquals, lessThan, lessThanEquals, between, in, isNull), {@code not}, and {@code values} as texts: dates
 * as ISO 8601, timestamps as nanoseconds since 1970. The first column must hold the number of its row.
 */
final class Predicates {
    private static final int SHOWN = 5;
    private static final BigInteger NANOS = BigInteger.valueOf(1_000_000_000);

    private Predicates() {}

    static Map<String, Object> run(String file, JsonNode command) throws Exception {
        String column = command.get("column").asText();
        PredicateLeaf.Type type = PredicateLeaf.Type.valueOf(command.get("type").asText());
        List<Object> values = new ArrayList<>();
        command.path("values").forEach(value -> values.add(literal(type, value.asText())));
        SearchArgument argument = argument(command, column, type, values.toArray());

        List<List<Object>> all = OrcDump.scan(file);
        List<long[]> ranges = new ArrayList<>();
        List<Long> bad = new ArrayList<>();
        for (List<Object> row : OrcDump.rows(OrcDump.open(file), argument, new String[] {column})) {
            long number = (Long) row.get(0);
            if (!row.equals(all.get((int) number)) && bad.size() < SHOWN) {
                bad.add(number);
            }
            if (ranges.isEmpty() || ranges.get(ranges.size() - 1)[1] != number) {
                ranges.add(new long[] {number, number});
            }
            ranges.get(ranges.size() - 1)[1]++;
        }
        return Map.of("ranges", ranges, "bad", bad);
    }

    private static SearchArgument argument(
            JsonNode command, String column, PredicateLeaf.Type type, Object[] values) {
        SearchArgument.Builder builder = SearchArgumentFactory.newBuilder();
        builder = command.path("not").asBoolean() ? builder.startNot() : builder.startAnd();
        switch (command.get("op").asText()) {
            case "equals" -> builder.equals(column, type, values[0]);
            case "nullSafeEquals" -> builder.nullSafeEquals(column, type, values[0]);
            case "lessThan" -> builder.lessThan(column, type, values[0]);
            case "lessThanEquals" -> builder.lessThanEquals(column, type, values[0]);
            case "between" -> builder.between(column, type, values[0], values[1]);
            case "in" -> builder.in(column, type, values);
            case "isNull" -> builder.isNull(column, type);
            default -> throw new IllegalArgumentException("no such op");
        }
        return builder.end().build();
    }

    private static Object literal(PredicateLeaf.Type type, String text) {
        return switch (type) {
            case LONG -> Long.valueOf(text);
            case FLOAT -> Double.valueOf(text);
            case STRING -> text;
            case BOOLEAN -> Boolean.valueOf(text);
            case DATE -> Date.valueOf(LocalDate.parse(text));
            case DECIMAL -> new HiveDecimalWritable(HiveDecimal.create(text));
            case TIMESTAMP -> {
                BigInteger[] parts = new BigInteger(text).divideAndRemainder(NANOS);
                Instant instant = Instant.ofEpochSecond(parts[0].longValue(), parts[1].longValue());
                yield Timestamp.from(instant);
            }
        };
    }

    static Map<String, Object> blooms(String file, double falsePositives) throws Exception {
        Reader reader = OrcDump.open(file);
        List<List<Object>> rows = OrcDump.scan(file);
        List<String> bad = new ArrayList<>();
        int filters = 0;
        int first = 0;
        try (RecordReaderImpl records = (RecordReaderImpl) reader.rows()) {
            for (int stripe = 0; stripe < reader.getStripes().size(); stripe++) {
                StripeInformation information = reader.getStripes().get(stripe);
                List<List<Object>> own = rows.subList(first, first + (int) information.getNumberOfRows());
                first += own.size();
                for (Found found : filters(reader, records, stripe)) {
                    filters++;
                    BloomFilter wanted = wanted(reader, own, found, falsePositives);
                    if (!wanted.equals(found.filter) && bad.size() < SHOWN) {
                        bad.add("stripe " + stripe + " column " + found.column + " group " + found.group);
                    }
                }
            }
        }
        return Map.of("filters", filters, "bad", bad);
    }

    private record Found(int column, int group, BloomFilter filter) {}

    private static List<Found> filters(Reader reader, RecordReaderImpl records, int stripe) throws Exception {
        TypeDescription schema = reader.getSchema();
        boolean[] all = new boolean[schema.getMaximumId() + 1];
        Arrays.fill(all, true);
        OrcIndex index = records.readRowIndex(stripe, all, all);
        OrcProto.StripeFooter footer = records.readStripeFooter(reader.getStripes().get(stripe));
        List<Found> found = new ArrayList<>();
        for (int column = 0; column < all.length; column++) {
            OrcProto.BloomFilterIndex filters = index.getBloomFilterIndex()[column];
            for (int group = 0; filters != null && group < filters.getBloomFilterCount(); group++) {
                OrcProto.Stream.Kind kind = index.getBloomFilterKinds()[column];
                OrcProto.ColumnEncoding encoding = footer.getColumns(column);
                TypeDescription.Category category = schema.findSubtype(column).getCategory();
                OrcProto.BloomFilter raw = filters.getBloomFilter(group);
                BloomFilter filter = BloomFilterIO.deserialize(
                        kind, encoding, reader.getWriterVersion(), category, raw);
                found.add(new Found(column, group, filter));
            }
        }
        return found;
    }

    /** The filter that Java would have written for a row group. */
    private static BloomFilter wanted(Reader reader, List<List<Object>> rows, Found found, double falsePositives) {
        int stride = reader.getRowIndexStride();
        BloomFilterUtf8 filter = new BloomFilterUtf8(stride, falsePositives);
        TypeDescription.Category category = reader.getSchema().findSubtype(found.column).getCategory();
        List<Object> values = new ArrayList<>();
        for (List<Object> row : rows.subList(found.group * stride, Math.min((found.group + 1) * stride, rows.size()))) {
            Values.collect(reader.getSchema(), row, found.column, values);
        }
        values.forEach(value -> add(filter, category, value));
        return filter;
    }

    private static void add(BloomFilterUtf8 filter, TypeDescription.Category category, Object value) {
        switch (category) {
            case BYTE, SHORT, INT, LONG, DATE -> filter.addLong((Long) value);
            case FLOAT, DOUBLE -> filter.addDouble((Double) value);
            case STRING, DECIMAL -> addBytes(filter, ((String) value).getBytes(StandardCharsets.UTF_8));
            case BINARY -> addBytes(filter, Base64.getDecoder().decode((String) value));
            case TIMESTAMP, TIMESTAMP_INSTANT -> {
                BigInteger million = BigInteger.valueOf(1_000_000);
                BigInteger nanoseconds = (BigInteger) value;
                filter.addLong(nanoseconds.subtract(nanoseconds.mod(million)).divide(million).longValue());
            }
            default -> throw new IllegalArgumentException("a bloom filter on " + category);
        }
    }

    private static void addBytes(BloomFilterUtf8 filter, byte[] bytes) {
        filter.addBytes(bytes, 0, bytes.length);
    }
}
