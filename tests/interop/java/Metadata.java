import java.math.BigInteger;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.orc.ColumnStatistics;
import org.apache.orc.OrcProto;
import org.apache.orc.Reader;
import org.apache.orc.StripeInformation;
import org.apache.orc.TimestampColumnStatistics;
import org.apache.orc.TypeDescription;
import org.apache.orc.impl.ColumnStatisticsImpl;
import org.apache.orc.impl.OrcIndex;
import org.apache.orc.impl.ReaderImpl;
import org.apache.orc.impl.RecordReaderImpl;
import org.apache.orc.protobuf.ByteString;
import org.apache.orc.protobuf.Descriptors.EnumValueDescriptor;
import org.apache.orc.protobuf.Message;

/**
 * What a file says of its values: messages of the format under their own field names, only those that are there.
 *
 * <pre>
 *   {"postscript": {...}, "footer": {...}, "schema": text, "proleptic": bool, "rows": n,
 *    "stripes": [{"statistics": [...], "footer": {...}, "groups": [[{entry}...]...]}...]}
 * </pre>
 *
 * {@code groups} has a list for each type id, and in it one entry for each row group: its positions, statistics
 * and what its bloom filter is made of. Statistics of timestamps also have what Java makes of them, in nanoseconds
 * since 1970.
 */
final class Metadata {
    private Metadata() {}

    static Map<String, Object> of(String file) throws Exception {
        ReaderImpl reader = (ReaderImpl) OrcDump.open(file);
        OrcProto.FileTail tail = reader.getFileTail();
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("postscript", message(tail.getPostscript()));
        Map<String, Object> footer = message(tail.getFooter());
        footer.put("statistics", statistics(reader, tail.getFooter().getStatisticsList()));
        found.put("footer", footer);
        found.put("schema", reader.getSchema().toString());
        found.put("proleptic", reader.writerUsedProlepticGregorian());
        found.put("rows", reader.getNumberOfRows());
        found.put("stripes", stripes(reader));
        return found;
    }

    private static List<Object> stripes(ReaderImpl reader) throws Exception {
        List<Object> stripes = new ArrayList<>();
        List<OrcProto.StripeStatistics> statistics = reader.getOrcProtoStripeStatistics();
        try (RecordReaderImpl records = (RecordReaderImpl) reader.rows()) {
            for (StripeInformation stripe : reader.getStripes()) {
                int index = stripes.size();
                Map<String, Object> found = new LinkedHashMap<>();
                found.put("statistics", statistics(reader, statistics.get(index).getColStatsList()));
                found.put("footer", message(records.readStripeFooter(stripe)));
                if (reader.getRowIndexStride() > 0) {
                    found.put("groups", groups(reader, records, index));
                }
                stripes.add(found);
            }
        }
        return stripes;
    }

    private static List<Object> groups(Reader reader, RecordReaderImpl records, int stripe) throws Exception {
        boolean[] all = new boolean[reader.getSchema().getMaximumId() + 1];
        Arrays.fill(all, true);
        OrcIndex index = records.readRowIndex(stripe, all, all);
        List<Object> columns = new ArrayList<>();
        for (int column = 0; column < all.length; column++) {
            OrcProto.RowIndex rows = index.getRowGroupIndex()[column];
            OrcProto.BloomFilterIndex bloom = index.getBloomFilterIndex()[column];
            List<Object> entries = new ArrayList<>();
            for (OrcProto.RowIndexEntry entry : rows.getEntryList()) {
                Map<String, Object> found = new LinkedHashMap<>();
                found.put("positions", entry.getPositionsList());
                found.put("statistics", statistic(reader.getSchema(), column, entry.getStatistics()));
                if (bloom != null) {
                    OrcProto.BloomFilter filter = bloom.getBloomFilter(entries.size());
                    int bytes = filter.getUtf8Bitset().size();
                    found.put("bloom", Map.of("hashes", filter.getNumHashFunctions(), "bytes", bytes));
                }
                entries.add(found);
            }
            columns.add(entries);
        }
        return columns;
    }

    private static List<Object> statistics(Reader reader, List<OrcProto.ColumnStatistics> all) {
        List<Object> found = new ArrayList<>();
        for (OrcProto.ColumnStatistics one : all) {
            found.add(statistic(reader.getSchema(), found.size(), one));
        }
        return found;
    }

    private static Map<String, Object> statistic(TypeDescription schema, int column, OrcProto.ColumnStatistics raw) {
        Map<String, Object> found = message(raw);
        ColumnStatistics read = ColumnStatisticsImpl.deserialize(schema.findSubtype(column), raw, true, true);
        if (read instanceof TimestampColumnStatistics times && times.getMinimumUTC() != null) {
            found.put("javaMinimum", nanoseconds(times.getMinimumUTC()));
            found.put("javaMaximum", nanoseconds(times.getMaximumUTC()));
        }
        return found;
    }

    private static BigInteger nanoseconds(Timestamp time) {
        return Values.nanoseconds(time.getTime(), time.getNanos());
    }

    /** A message as its fields that are there. */
    private static Map<String, Object> message(Message message) {
        Map<String, Object> found = new LinkedHashMap<>();
        message.getAllFields().forEach((field, value) -> found.put(field.getName(), plain(value)));
        return found;
    }

    private static Object plain(Object value) {
        if (value instanceof List<?> list) {
            return list.stream().map(Metadata::plain).toList();
        }
        if (value instanceof Message message) {
            return message(message);
        }
        if (value instanceof ByteString bytes) {
            return Base64.getEncoder().encodeToString(bytes.toByteArray());
        }
        return value instanceof EnumValueDescriptor constant ? constant.getName() : value;
    }
}
