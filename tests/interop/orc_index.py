"""Whether what a file says of itself is so: statistics at every level, and where the row index points.

It takes the answer to `meta` and the bytes of the file, and the values of its columns.
"""

from collections import Counter

import orc_statistics
from orc_truth import Kind

INDEX_AREA = {"ROW_INDEX", "BLOOM_FILTER", "BLOOM_FILTER_UTF8", "DICTIONARY_COUNT"}
RUN = 512  # values of the longest run
# The streams of a type in the order of their positions, and how a value is found in each.
STREAMS = {
    "boolean": [("DATA", "bits")], "byte": [("DATA", "run")], "int": [("DATA", "run")], "date": [("DATA", "run")],
    "float": [("DATA", "bytes")], "string": [("DATA", "bytes"), ("LENGTH", "run")],
    "binary": [("DATA", "bytes"), ("LENGTH", "run")], "timestamp": [("DATA", "run"), ("SECONDARY", "run")],
    "decimal": [("DATA", "bytes"), ("SECONDARY", "run")], "list": [("LENGTH", "run")], "map": [("LENGTH", "run")],
    "struct": [], "union": [("DATA", "run")],
}


def check(path, meta, kinds, columns):
    """Fails on the first wrong count, statistic, size or position; `columns`: the values by name."""
    root = Kind("struct", tuple(kinds.values()))
    rows = list(zip(*columns.values(), strict=True))
    footer = meta["footer"]
    assert (meta["rows"], footer.get("number_of_rows", 0)) == (len(rows), len(rows))
    sizes, first = Counter(), 0
    for number, (place, stripe) in enumerate(zip(footer.get("stripes", []), meta["stripes"], strict=True)):
        own = rows[first : first + place["number_of_rows"]]
        first += len(own)
        sizes += check_stripe(path, meta, root, own, place, stripe, f"stripe {number}")
    assert first == len(rows), f"the stripes have {first} rows"
    check_level(root, rows, footer["statistics"], "file")
    check_sizes(sizes, footer["statistics"], "file")


def check_stripe(path, meta, root, rows, place, stripe, where):
    """The bytes of the values of each type."""
    streams = streams_of(place, stripe)
    sizes = Counter()
    for stream in streams:
        if stream["kind"] not in INDEX_AREA:
            sizes[stream["column"]] += stream["length"]
    check_level(root, rows, stripe["statistics"], where)
    check_sizes(sizes, stripe["statistics"], where)
    stride = meta["footer"].get("row_index_stride", 0)
    if stride:
        check_groups(root, rows, stripe["groups"], stride, where)
        check_positions(path, meta, list(root.preorder()), stripe, streams, where)
    return sizes


def streams_of(place, stripe):
    """The streams of a stripe with their offsets; those of the index come first."""
    offset, streams, areas = place.get("offset", 0), [], []
    for stream in stripe["footer"].get("streams", []):
        streams.append({"length": 0, "column": 0} | stream | {"offset": offset})
        offset += stream.get("length", 0)
        areas.append(stream["kind"] not in INDEX_AREA)
    assert areas == sorted(areas), "the streams of index and data are mixed"
    index = sum(stream["length"] for stream in streams if stream["kind"] in INDEX_AREA)
    assert (place["index_length"], place["data_length"]) == (index, offset - place["offset"] - index)
    return streams


def check_level(root, rows, statistics, where):
    found = list(orc_statistics.slots(root, rows))
    assert len(statistics) == len(found), f"{where}: statistics of {len(statistics)} columns, {len(found)} wanted"
    for id_, ((kind, values), own) in enumerate(zip(found, statistics)):
        orc_statistics.check(kind, values, own, f"{where} type {id_} ({kind.name})")


def check_sizes(sizes, statistics, where):
    found, wanted = [one.get("bytes_on_disk") for one in statistics], [sizes[id_] for id_ in range(len(statistics))]
    assert found == wanted, f"{where}: bytes_on_disk {found}, {wanted} wanted"


def check_groups(root, rows, groups, stride, where):
    wanted = -(-len(rows) // stride)
    counts = [len(entries) for entries in groups]
    assert counts == [wanted] * len(groups), f"{where}: row groups {counts}, {wanted} each wanted"
    for group in range(wanted):
        own = rows[group * stride : (group + 1) * stride]
        entries = [column[group] for column in groups]
        check_level(root, own, [entry["statistics"] for entry in entries], f"{where} row group {group}")
        assert all("bytes_on_disk" not in entry["statistics"] for entry in entries)


def check_positions(path, meta, types, stripe, streams, where):
    compressed = meta["postscript"].get("compression", "NONE") != "NONE"
    by_name = {(stream["column"], stream["kind"]): stream for stream in streams}
    with open(path, "rb") as file:
        blocks = {name: starts(file, stream) if compressed else None for name, stream in by_name.items()}
    for id_, kind in enumerate(types):
        if kind.name == "null":
            continue
        ways = [("PRESENT", "bits")] if (id_, "PRESENT") in by_name else []
        is_dictionary = stripe["footer"]["columns"][id_]["kind"].startswith("DICTIONARY")
        ways += [("DATA", "run")] if is_dictionary else STREAMS[kind.name]
        for group, entry in enumerate(stripe["groups"][id_]):
            positions = list(entry.get("positions", []))
            at = f"{where} type {id_} ({kind.name}) row group {group}: positions {positions}"
            assert group or not any(positions), f"{at}: the first row group does not begin at 0"
            for stream, way in ways:
                take(positions, by_name[id_, stream], blocks[id_, stream], way, meta, f"{at}, {stream}")
            assert not positions, f"{at}: too many"


def take(positions, stream, blocks, way, meta, at):
    """Takes the numbers of one stream off the positions."""
    wanted = (1 if blocks is None else 2) + {"bytes": 0, "run": 1, "bits": 2}[way]
    assert len(positions) >= wanted, f"{at}: too few"
    if blocks is None:
        assert positions.pop(0) <= stream["length"], f"{at}: beyond the stream"
    else:
        start, skipped = positions.pop(0), positions.pop(0)
        assert start == 0 or start in blocks, f"{at}: no block begins there; {blocks}"
        assert skipped <= meta["postscript"]["compression_block_size"], f"{at}: beyond the block"
    if way != "bytes":
        assert positions.pop(0) <= RUN, f"{at}: beyond the run"
    if way == "bits":
        assert positions.pop(0) < 8, f"{at}: beyond the byte"


def starts(file, stream):
    """Where the compressed blocks of a stream begin, counted from its first byte."""
    found, at = [], 0
    while at < stream["length"]:
        found.append(at)
        file.seek(stream["offset"] + at)
        at += 3 + (int.from_bytes(file.read(3), "little") >> 1)
    assert at == stream["length"], "the last block ends after its stream"
    return set(found)
