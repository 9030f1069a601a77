"""A table of nested columns: nulls at every level, and garbage under the nulls of each."""

import random

import pyarrow as pa


def flags(rng, count, share=0.8):
    """Whether each of some values is there."""
    return [rng.random() < share for _ in range(count)]


def missing(rng, count):
    """A mask as pyarrow takes it: true where a value is null."""
    return pa.array([not there for there in flags(rng, count)])


def some(rng, count, kind, draw):
    """Values of a type, one in five of them null."""
    return pa.array([draw() if there else None for there in flags(rng, count)], kind)


def ints(rng, count):
    return some(rng, count, pa.int64(), lambda: rng.randint(-(10**6), 10**6))


def words(rng, count):
    return some(rng, count, pa.string(), lambda: rng.choice(["", "x", "Zoë", "東京", "a longer one"]))


def offsets(rng, rows):
    """Where lists begin: short ones, empty ones, and now and then a long one."""
    starts, at = [0], 0
    for _ in range(rows):
        at += rng.choice([0, 0, 0, 1, 1, 3]) if rng.random() < 0.9995 else 300
        starts.append(at)
    return starts


def structs(rng, rows, **fields):
    return pa.StructArray.from_arrays(list(fields.values()), list(fields), mask=missing(rng, rows))


def lists(rng, rows, items, large=False):
    starts = offsets(rng, rows)
    of, kind = (pa.LargeListArray, pa.int64()) if large else (pa.ListArray, pa.int32())
    return of.from_arrays(pa.array(starts, kind), items(rng, starts[-1]), mask=missing(rng, rows))


def maps(rng, rows, items):
    starts = offsets(rng, rows)
    keys = [str(entry) for row in range(rows) for entry in range(starts[row + 1] - starts[row])]
    found = pa.MapArray.from_arrays(pa.array(starts, pa.int32()), pa.array(keys), items(rng, starts[-1]))
    # The same arrays under nulls.
    bitmap = pa.array(flags(rng, rows)).buffers()[1]
    fields = [found.type.key_field, found.type.item_field]
    entries = pa.StructArray.from_arrays([found.keys, found.items], fields=fields)
    return pa.Array.from_buffers(found.type, rows, [bitmap, found.buffers()[1]], children=[entries])


def fixed_lists(rng, rows):
    return pa.FixedSizeListArray.from_arrays(ints(rng, 3 * rows), 3, mask=missing(rng, rows))


def views(rng, rows):
    """Lists that overlap, stand in no order and leave values out."""
    starts = pa.array([rng.randrange(50) for _ in range(rows)], pa.int32())
    sizes = pa.array([rng.randrange(6) for _ in range(rows)], pa.int32())
    return pa.ListViewArray.from_arrays(starts, sizes, ints(rng, 60), mask=missing(rng, rows))


def sparse_unions(rng, rows):
    codes = pa.array([rng.choice([3, 7]) for _ in range(rows)], pa.int8())
    return pa.UnionArray.from_sparse(codes, [ints(rng, rows), words(rng, rows)], ["i", "t"], [3, 7])


def dense_unions(rng, rows):
    codes = [rng.choice([0, 1, 2]) for _ in range(rows)]
    places, counts = [], [0, 0, 0]
    for code in codes:
        places.append(counts[code])
        counts[code] += 1
    children = [words(rng, counts[0]), structs(rng, counts[1], a=ints(rng, counts[1])), ints(rng, counts[2])]
    return pa.UnionArray.from_dense(pa.array(codes, pa.int8()), pa.array(places, pa.int32()), children)


def addresses(rng, rows):
    inner = structs(rng, rows, lat=some(rng, rows, pa.float64(), rng.random), zip=words(rng, rows))
    return structs(rng, rows, city=words(rng, rows), at=inner)


def orders(rng, rows):
    return structs(rng, rows, id=ints(rng, rows), tags=maps(rng, rows, lambda rng, count: lists(rng, count, ints)))


def table(rows):
    rng = random.Random(5)
    dictionary = lambda rng, count: words(rng, count).dictionary_encode()
    return pa.table({
        "struct": structs(rng, rows, a=ints(rng, rows), b=words(rng, rows)),
        "address": addresses(rng, rows),
        "list": lists(rng, rows, ints),
        "large_list": lists(rng, rows, words, large=True),
        "list_of_dictionary": lists(rng, rows, dictionary),
        "list_of_lists": lists(rng, rows, lambda rng, count: lists(rng, count, words)),
        "fixed": fixed_lists(rng, rows),
        "views": views(rng, rows),
        "map": maps(rng, rows, ints),
        "map_of_structs": maps(rng, rows, addresses),
        "deep": lists(rng, rows, orders),
        "sparse": sparse_unions(rng, rows),
        "dense": dense_unions(rng, rows),
        "list_of_unions": lists(rng, rows, sparse_unions),
        "row": pa.array(range(rows), pa.int32()),
    })
