import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hive.ql.exec.vector.VectorizedRowBatch;
import org.apache.hadoop.hive.ql.io.sarg.PredicateLeaf;
import org.apache.hadoop.hive.ql.io.sarg.SearchArgument;
import org.apache.hadoop.hive.ql.io.sarg.SearchArgumentFactory;
import org.apache.orc.OrcFile;
import org.apache.orc.Reader;
import org.apache.orc.RecordReader;

/**
 * Reads ORC files with Apache ORC Java. Every command is answered by one line of JSON.
 *
 * <pre>
 *   OrcDump scan|meta|seek|bloom FILE...     the command on each of the files
 *   OrcDump                                  commands from the standard input, one JSON object a line
 * </pre>
 *
 * An object names its command as {@code do} and its file as {@code file}. The commands, and their own fields:
 *
 * <pre>
 *   scan    all rows                                  {"rows": [[value...]...]}
 *   cat     some rows by a seek; from, count          {"rows": [[value...]...]}
 *   seek    whether rows after a seek are those of a scan; seeks    {"seeks": n, "compared": n, "bad": [row...]}
 *   sarg    rows that a search argument leaves (see Predicates)     {"ranges": [[from, to]...], "bad": [row...]}
 *   bloom   bloom filters that differ from Java's own; fpp          {"filters": n, "bad": [text...]}
 *   meta    the tail, the stripes and the index (see Metadata)
 * </pre>
 *
 * What goes wrong is answered as {"error": text}.
 */
public final class OrcDump {
    static final ObjectMapper JSON = new ObjectMapper();
    private static final int SEEK_ROWS = 64;
    private static final int SHOWN = 5;

    /** The rows of the file that was scanned last: many commands in a row ask for one file. */
    private static String scanned;
    private static List<List<Object>> scannedRows;

    private OrcDump() {}

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        if (arguments.length > 0) {
            for (String file : Arrays.asList(arguments).subList(1, arguments.length)) {
                ObjectNode command = JSON.createObjectNode().put("do", arguments[0]).put("file", file);
                out.println(answer(command));
            }
            return;
        }
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(answer(JSON.readTree(line)));
        }
    }

    private static String answer(JsonNode command) throws Exception {
        try {
            return JSON.writeValueAsString(run(command));
        } catch (Exception | StackOverflowError error) {
            return JSON.writeValueAsString(Map.of("error", error.toString()));
        }
    }

    private static Object run(JsonNode command) throws Exception {
        String file = command.get("file").asText();
        return switch (command.get("do").asText()) {
            case "scan" -> Map.of("rows", scan(file));
            case "cat" -> Map.of("rows", cat(file, command.get("from").asLong(), command.get("count").asInt()));
            case "seek" -> seek(file, command.path("seeks").asInt(200));
            case "sarg" -> Predicates.run(file, command);
            case "bloom" -> Predicates.blooms(file, command.path("fpp").asDouble(0.01));
            case "meta" -> Metadata.of(file);
            default -> throw new IllegalArgumentException("no such command");
        };
    }

    static Reader open(String file) throws Exception {
        OrcFile.ReaderOptions options = OrcFile.readerOptions(new Configuration());
        return OrcFile.createReader(new Path(file), options.useUTCTimestamp(true).convertToProlepticGregorian(true));
    }

    /** All rows, read from the first to the last. */
    static List<List<Object>> scan(String file) throws Exception {
        if (!file.equals(scanned)) {
            scannedRows = rows(open(file), null, null);
            scanned = file;
        }
        return scannedRows;
    }

    /** The rows that a search argument leaves; none given: all. */
    static List<List<Object>> rows(Reader reader, SearchArgument argument, String[] columns) throws Exception {
        Reader.Options options = reader.options().useSelected(false);
        if (argument != null) {
            options.searchArgument(argument, columns);
        }
        List<List<Object>> rows = new ArrayList<>();
        try (RecordReader records = reader.rows(options)) {
            VectorizedRowBatch batch = reader.getSchema().createRowBatch();
            while (records.nextBatch(batch)) {
                Values.append(rows, reader.getSchema(), batch);
            }
        }
        return rows;
    }

    private static List<List<Object>> cat(String file, long from, int count) throws Exception {
        Reader reader = open(file);
        try (RecordReader records = reader.rows(keepingAll(reader))) {
            records.seekToRow(from);
            return next(reader, records, count);
        }
    }

    /** The rows that stand next, as many as are wanted or left. */
    private static List<List<Object>> next(Reader reader, RecordReader records, int count) throws Exception {
        List<List<Object>> rows = new ArrayList<>();
        VectorizedRowBatch batch = reader.getSchema().createRowBatch(count);
        while (rows.size() < count && records.nextBatch(batch)) {
            Values.append(rows, reader.getSchema(), batch);
        }
        return rows.subList(0, Math.min(count, rows.size()));
    }

    private static Map<String, Object> seek(String file, int seeks) throws Exception {
        List<List<Object>> all = scan(file);
        List<Long> bad = new ArrayList<>();
        long compared = 0;
        Reader reader = open(file);
        List<Integer> targets = targets(all.size(), Math.max(1, reader.getRowIndexStride()), seeks);
        try (RecordReader records = reader.rows(keepingAll(reader))) {
            for (int target : targets) {
                records.seekToRow(target);
                List<List<Object>> found = next(reader, records, Math.min(SEEK_ROWS, all.size() - target));
                List<List<Object>> wanted = all.subList(target, Math.min(target + SEEK_ROWS, all.size()));
                compared += found.size();
                // A new reader has the last word. An old one can be wrong about compressed streams: after a seek to the
                // start of a chunk of which nothing is read, it takes the chunk before for the current one, and goes on
                // behind the wrong one when it is sent back there (ORC 2.3, InStream.CompressedStream.seek).
                if (!found.equals(wanted) && bad.size() < SHOWN && !cat(file, target, wanted.size()).equals(wanted)) {
                    bad.add((long) target);
                }
            }
        }
        return Map.of("seeks", targets.size(), "compared", compared, "bad", bad);
    }

    /** The rows around each border of a row group, and rows anywhere, in an order that jumps. */
    private static List<Integer> targets(int rows, int stride, int seeks) {
        List<Integer> targets = new ArrayList<>();
        if (rows == 0) {
            return targets;
        }
        for (long border = 0; border < rows; border += stride) {
            for (long row = Math.max(0, border - 1); row <= Math.min(border + 1, rows - 1L); row++) {
                targets.add((int) row);
            }
        }
        Random random = new Random(1);
        random.ints(seeks, 0, rows).forEach(targets::add);
        java.util.Collections.shuffle(targets, random);
        return targets;
    }

    /** A search argument that is true for every row: without one, seekToRow fails on files with bloom filters. */
    private static Reader.Options keepingAll(Reader reader) {
        String column = reader.getSchema().getFieldNames().get(0);
        SearchArgument.Builder builder = SearchArgumentFactory.newBuilder();
        builder.startOr().isNull(column, PredicateLeaf.Type.LONG);
        builder.startNot().isNull(column, PredicateLeaf.Type.LONG).end().end();
        return reader.options().searchArgument(builder.build(), new String[] {column});
    }
}
