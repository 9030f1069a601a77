import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.apache.hadoop.hive.ql.exec.vector.BytesColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.ColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.DecimalColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.DoubleColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.ListColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.LongColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.MapColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.StructColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.TimestampColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.UnionColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.VectorizedRowBatch;
import org.apache.orc.TypeDescription;

/**
 * The values of column vectors, so that JSON holds them exactly.
 *
 * Dates are days and timestamps nanoseconds since 1970, decimals texts, bytes base64, structs and lists arrays,
 * maps arrays of pairs, and a value of a union is its tag and itself.
 */
final class Values {
    private static final BigInteger NANOS = BigInteger.valueOf(1_000_000_000);

    private Values() {}

    static void append(List<List<Object>> rows, TypeDescription schema, VectorizedRowBatch batch) {
        List<TypeDescription> types = schema.getChildren();
        for (int row = 0; row < batch.size; row++) {
            List<Object> values = new ArrayList<>(types.size());
            for (int column = 0; column < types.size(); column++) {
                values.add(value(types.get(column), batch.cols[column], row));
            }
            rows.add(values);
        }
    }

    private static Object value(TypeDescription type, ColumnVector vector, int row) {
        int at = vector.isRepeating ? 0 : row;
        if (!vector.noNulls && vector.isNull[at]) {
            return null;
        }
        return switch (type.getCategory()) {
            case BOOLEAN -> ((LongColumnVector) vector).vector[at] != 0;
            case BYTE, SHORT, INT, LONG, DATE -> ((LongColumnVector) vector).vector[at];
            case FLOAT, DOUBLE -> ((DoubleColumnVector) vector).vector[at];
            case DECIMAL -> ((DecimalColumnVector) vector).vector[at].toString();
            case STRING, CHAR, VARCHAR -> ((BytesColumnVector) vector).toString(at);
            case BINARY -> bytes((BytesColumnVector) vector, at);
            case TIMESTAMP, TIMESTAMP_INSTANT -> nanoseconds((TimestampColumnVector) vector, at);
            case STRUCT -> struct(type, (StructColumnVector) vector, at);
            case LIST -> list(type, (ListColumnVector) vector, at);
            case MAP -> map(type, (MapColumnVector) vector, at);
            case UNION -> union(type, (UnionColumnVector) vector, at);
            default -> throw new IllegalArgumentException(type.toString());
        };
    }

    private static String bytes(BytesColumnVector vector, int at) {
        int start = vector.start[at];
        byte[] bytes = Arrays.copyOfRange(vector.vector[at], start, start + vector.length[at]);
        return Base64.getEncoder().encodeToString(bytes);
    }

    private static BigInteger nanoseconds(TimestampColumnVector vector, int at) {
        return nanoseconds(vector.getTime(at), vector.getNanos(at));
    }

    /** Nanoseconds since 1970 of milliseconds since then and the nanoseconds of their second. */
    static BigInteger nanoseconds(long milliseconds, int nanos) {
        BigInteger seconds = BigInteger.valueOf(Math.floorDiv(milliseconds, 1000L));
        return seconds.multiply(NANOS).add(BigInteger.valueOf(nanos));
    }

    private static List<Object> struct(TypeDescription type, StructColumnVector vector, int at) {
        List<Object> values = new ArrayList<>(vector.fields.length);
        for (int field = 0; field < vector.fields.length; field++) {
            values.add(value(type.getChildren().get(field), vector.fields[field], at));
        }
        return values;
    }

    private static List<Object> list(TypeDescription type, ListColumnVector vector, int at) {
        int start = (int) vector.offsets[at];
        int end = start + (int) vector.lengths[at];
        List<Object> values = new ArrayList<>(end - start);
        for (int item = start; item < end; item++) {
            values.add(value(type.getChildren().get(0), vector.child, item));
        }
        return values;
    }

    private static List<Object> map(TypeDescription type, MapColumnVector vector, int at) {
        int start = (int) vector.offsets[at];
        int end = start + (int) vector.lengths[at];
        List<Object> pairs = new ArrayList<>(end - start);
        for (int entry = start; entry < end; entry++) {
            Object key = value(type.getChildren().get(0), vector.keys, entry);
            pairs.add(Arrays.asList(key, value(type.getChildren().get(1), vector.values, entry)));
        }
        return pairs;
    }

    private static List<Object> union(TypeDescription type, UnionColumnVector vector, int at) {
        int tag = vector.tags[at];
        return Arrays.asList(tag, value(type.getChildren().get(tag), vector.fields[tag], at));
    }

    /** Appends the values of one type of the tree that a value holds, nulls left out. */
    static void collect(TypeDescription type, Object value, int wanted, List<Object> found) {
        if (value == null || wanted < type.getId() || wanted > type.getMaximumId()) {
            return;
        }
        if (type.getId() == wanted) {
            found.add(value);
            return;
        }
        List<?> parts = (List<?>) value;
        List<TypeDescription> children = type.getChildren();
        switch (type.getCategory()) {
            case STRUCT -> {
                for (int field = 0; field < children.size(); field++) {
                    collect(children.get(field), parts.get(field), wanted, found);
                }
            }
            case LIST -> parts.forEach(item -> collect(children.get(0), item, wanted, found));
            case MAP -> parts.forEach(pair -> {
                collect(children.get(0), ((List<?>) pair).get(0), wanted, found);
                collect(children.get(1), ((List<?>) pair).get(1), wanted, found);
            });
            case UNION -> collect(children.get((Integer) parts.get(0)), parts.get(1), wanted, found);
            default -> throw new IllegalArgumentException(type.toString());
        }
    }
}
