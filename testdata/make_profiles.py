#!/usr/bin/env python3
"""Makes deterministic data shaped like Amazon Connect Customer Profiles, as Parquet.

  make_profiles.py --rows 1000000 --out DIR [--files N] [--seed S] [--variant both|nested|flat]
                   [--row-group 65536]

Writes DIR/nested/part-00000.parquet ... (struct addresses, map attributes, list of structs) and
DIR/flat/part-00000.parquet ... (the same values: structs as dotted columns, map and list as JSON text).
The data is made in chunks of one row group, each from its own seed, so the first N rows are the same
whatever --rows or --files say (where both are multiples of the row group).
"""
import argparse, json, os
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FIRST = """James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph
Jessica Thomas Sarah Christopher Karen Charles Lisa Daniel Nancy Matthew Betty Anthony Sandra Mark Ashley Donald Kimberly
Steven Emily Andrew Donna Paul Michelle Joshua Carol Kenneth Amanda Kevin Melissa Brian Deborah Timothy Stephanie José
María Zoë Renée Björn Søren Łukasz Anaïs Nuñez Chloë Jürgen Þóra Dilân Nguyễn Thị Hà Wei Li Ming Yuki Haruto Priya Arjun
Aisha Omar Fatima Mohammed Olga Ivan Dmitri Ekaterina 太郎 花子 小明 Siobhán Pádraig Aoife O'Neil Jean-Luc Anne-Marie""".split()
LAST = """Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson Anderson
Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson Walker Young Allen
King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts O'Brien
O'Connor Müller Schröder Größ Lindström Østergaard Kowalski Wiśniewski Dvořák Núñez Peña Gómez Ibáñez Brontë 田中 佐藤
鈴木 王 李 Patel Singh Kumar Sharma Khan Ali Hussain Petrov Ivanov Smirnova Van-der-Berg De-la-Cruz St.James""".split()
CITY = """Seattle|Portland|San Francisco|Los Angeles|San Diego|Phoenix|Denver|Dallas|Houston|Austin|San Antonio|Chicago|
Minneapolis|Detroit|Columbus|Atlanta|Miami|Orlando|Tampa|Charlotte|Raleigh|Washington|Baltimore|Philadelphia|New York|
Brooklyn|Boston|Toronto|Montréal|Vancouver|Québec|London|Manchester|Birmingham|Dublin|Paris|Lyon|Marseille|Berlin|München|
Hamburg|Köln|Düsseldorf|Zürich|Genève|Wien|Madrid|Barcelona|Sevilla|Lisboa|São Paulo|Rio de Janeiro|Bogotá|Ciudad de México|
Tokyo|Osaka|東京|Sydney|Melbourne|Brisbane|Auckland|Singapore|Mumbai|Bengaluru|Delhi|Winston-Salem|St. Louis|Coeur d'Alene""".replace("\n", "").split("|")
STATE = "WA OR CA AZ CO TX IL MN MI OH GA FL NC DC MD PA NY MA VA TN NV UT ID MT WY NM OK KS MO IA".split()
PROV = ["Ontario", "Québec", "British Columbia", "Alberta", "Bayern", "Nordrhein-Westfalen", "Île-de-France", "Cataluña", "New South Wales", "Greater London"]
COUNTRY = "US CA GB IE FR DE CH AT ES PT BR CO MX JP AU NZ SG IN".split()
COUNTRY_P = np.array([55, 8, 8, 1, 4, 5, 1, 1, 3, 1, 3, 1, 3, 2, 2, .5, .5, 1.0]); COUNTRY_P /= COUNTRY_P.sum()
STREET = ["Main St", "Oak Ave", "Maple Dr", "Cedar Ln", "Pine St", "Elm St", "Washington Blvd", "Lake Rd", "Hill Ct", "Park Ave",
          "2nd Ave N", "5th St SW", "Rue de l'Église", "Straße des 17. Juni", "Calle Mayor", "Avenida Paulista", "King's Road", "Old Mill Way"]
UNIT = ["Apt", "Unit", "Suite", "#", "Floor"]
DOMAIN = ["gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "aol.com", "proton.me", "gmx.de", "orange.fr", "example.com", "mail.example.org", "btinternet.co.uk"]
BIZ1 = ["Acme", "Globex", "Initech", "Umbrella", "Stark", "Wayne", "Blue Harbor", "North Star", "Évolution", "Pacific", "Summit", "Cascade", "Ironwood", "Bright", "Quantum", "Silver Lake", "Red Maple", "First Choice", "O'Malley", "Grüne"]
BIZ2 = ["Logistics", "Foods", "Software", "Holdings", "Consulting", "Partners", "Manufacturing", "Health", "Energy", "Travel", "Insurance", "Media", "Plumbing & Heating", "Design", "Labs"]
BIZ3 = ["Inc.", "LLC", "GmbH", "Ltd", "S.A.", "Co., Ltd.", "Group, Inc.", "plc", "B.V.", "& Sons"]
WORDS = """customer called about order refund requested shipping delayed prefers email contact after business hours account upgraded
to premium tier asked for invoice copy address changed verified identity with last four digits complained regarding billing error
resolved by agent escalated supervisor follow up needed next week satisfied with resolution loyalty points adjusted manually
subscription cancelled then reinstated interested in new product line attended webinar referred a friend holiday campaign responded
opened ticket warranty claim approved replacement sent tracking number provided language preference updated consent withdrawn""".split()
KEYS = ["tier", "segment", "signup_channel", "last_campaign", "nps_score", "preferred_store", "marketing_opt_in", "churn_risk",
        "lifetime_orders", "avg_basket", "language", "timezone", "device_type", "app_version", "referral_code", "crm_id",
        "last_agent", "case_count", "cart_abandoned", "favorite_category", "newsletter", "sms_consent", "cohort", "source_system"]
HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def strings_fixed(raw: np.ndarray) -> pa.Array:
    """A (n, width) uint8 array of ASCII as a string array."""
    n, w = raw.shape
    off = np.arange(n + 1, dtype=np.int32) * w
    return pa.StringArray.from_buffers(n, pa.py_buffer(off), pa.py_buffer(np.ascontiguousarray(raw)))


def hexes(r, n, chars):
    b = r.integers(0, 256, (n, (chars + 1) // 2), dtype=np.uint8)
    out = np.empty((n, b.shape[1] * 2), np.uint8)
    out[:, 0::2] = HEX[b >> 4]
    out[:, 1::2] = HEX[b & 15]
    return strings_fixed(out[:, :chars])


def digits(r, n, width, prefix=b""):
    d = r.integers(48, 58, (n, width), dtype=np.uint8)
    if prefix:
        p = np.broadcast_to(np.frombuffer(prefix, np.uint8), (n, len(prefix)))
        d = np.concatenate([p, d], axis=1)
    return strings_fixed(d)


def nulls(r, arr, p):
    """arr with a share p of its entries null."""
    if p <= 0:
        return arr
    return pc.if_else(pa.array(r.random(len(arr)) >= p), arr, pa.scalar(None, arr.type))


def pick(r, pool, n, zipf=0.0, p=None):
    pool = pool if isinstance(pool, pa.Array) else pa.array(pool)
    m = len(pool)
    if p is not None:
        i = r.choice(m, n, p=p)
    elif zipf:
        w = 1.0 / np.arange(1, m + 1) ** zipf
        i = np.searchsorted(np.cumsum(w) / w.sum(), r.random(n))
        i = np.minimum(i, m - 1)
    else:
        i = r.integers(0, m, n)
    return pool.take(pa.array(i.astype(np.int32)))


def join(*parts, sep=""):
    return pc.binary_join_element_wise(*parts, sep)


class Pools:
    """Value pools that all chunks share."""

    def __init__(self, seed):
        r = np.random.default_rng([seed, 0xF00D])
        syl = ["ka", "ri", "mo", "len", "dar", "sha", "vi", "to", "nel", "bra", "qui", "zen", "or", "mi", "el", "ya"]
        made = lambda k: sorted({("".join(r.choice(syl, r.integers(2, 4)))).capitalize() for _ in range(k)})
        self.first = pa.array(FIRST + made(3000))
        self.last = pa.array(LAST + made(6000))
        self.city = pa.array(CITY + [c + s for c in made(1500) for s in (["ville", "ton", " Springs", " Beach"][len(c) % 4],)])
        self.county = pa.array([c + " County" for c in made(900)])
        self.postal = pa.array([f"{x:05d}" for x in r.integers(501, 99950, 9000)] + [f"{x:05d}-{y:04d}" for x, y in zip(r.integers(501, 99950, 2000), r.integers(0, 9999, 2000))] + ["SW1A 1AA", "EC2M 7PY", "K1A 0B1", "H2Y 1C6", "D02 AF30"])
        sent = []
        for i in range(20000):
            k = int(r.integers(4, 15))
            s = " ".join(r.choice(WORDS, k)).capitalize()
            t = r.random()
            if t < .18: s = s.replace(" ", ", ", 1)
            elif t < .24: s = f'He said "{s}"'
            elif t < .29: s = s.replace(" ", "\n", 1)
            elif t < .31: s = s.replace(" ", "\r\n", 1) + "\tsee C:\\notes\\2024"
            elif t < .35: s += " 🎉👍"
            elif t < .38: s += " — naïve café ☕"
            elif t < .385: s = "=SUM(A1:A9) " + s
            sent.append(s + ".")
        self.sent = pa.array(sent)


def address(r, P, n, pnull):
    house = pa.array(r.integers(1, 9999, n)).cast(pa.string())
    a1 = join(house, pick(r, STREET, n), sep=" ")
    unit = join(pick(r, UNIT, n), pa.array(r.integers(1, 900, n)).cast(pa.string()), sep=" ")
    f = [
        ("Address1", nulls(r, a1, .01)), ("Address2", nulls(r, unit, .68)),
        ("Address3", nulls(r, pick(r, ["Building A", "Building B", "c/o Front Desk", 'Rear "B" entrance', "Gate 4, left door"], n), .95)),
        ("Address4", nulls(r, pick(r, ["Attn: Receiving", "Leave at door", "Box 12"], n), .985)),
        ("City", nulls(r, pick(r, P.city, n, zipf=.8), .02)), ("County", nulls(r, pick(r, P.county, n, zipf=.6), .6)),
        ("State", nulls(r, pick(r, STATE, n, zipf=.5), .35)), ("Province", nulls(r, pick(r, PROV, n), .75)),
        ("Country", nulls(r, pick(r, COUNTRY, n, p=COUNTRY_P), .02)), ("PostalCode", nulls(r, pick(r, P.postal, n), .05)),
    ]
    mask = pa.array(r.random(n) < pnull)
    # the children of a null struct are null too, so that the flat variant holds the same values
    f = [(k, pc.if_else(mask, pa.scalar(None, pa.string()), v)) for k, v in f]
    return pa.StructArray.from_arrays([v for _, v in f], names=[k for k, _ in f], mask=mask)


def json_text(a):
    for x, y in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        a = pc.replace_substring(a, x, y)
    return join(pa.scalar('"'), a, pa.scalar('"'))


def attributes(r, n):
    """Offsets, keys, values of a map column: 0-8 distinct keys an entry."""
    cnt = np.minimum(r.poisson(3.2, n), 8).astype(np.int64)
    off = np.zeros(n + 1, np.int32); np.cumsum(cnt, out=off[1:])
    m = int(off[-1])
    # distinct keys within an entry: start and odd stride coprime to 24
    start = np.repeat(r.integers(0, 24, n), cnt)
    stride = np.repeat(np.array([1, 5, 7, 11])[r.integers(0, 4, n)], cnt)
    within = np.arange(m) - np.repeat(off[:-1], cnt)
    ki = (start + within * stride) % 24
    keys = pa.array(KEYS).take(pa.array(ki.astype(np.int32)))
    words = pick(r, ["gold", "silver", "bronze", "platinum", "high value", "at-risk", "new", "returning", "web", "mobile", "store #12", "call center",
                     "spring_2024", "black-friday-2023", "en-US", "fr-CA", "de-DE", "America/Los_Angeles", "Europe/Berlin", "iOS", "Android 14", "shoes, bags", 'the "best" ones', "électronique", "true", "false"], m)
    nums = pa.array(r.integers(0, 5000, m)).cast(pa.string())
    ids = hexes(r, m, 12)
    kind = r.random(m)
    vals = pc.if_else(pa.array(kind < .55), words, pc.if_else(pa.array(kind < .85), nums, ids))
    return off, keys, vals


def chunk(seed, k, n, P):
    r = np.random.default_rng([seed, 1, k])
    pid = hexes(r, n, 32)
    first, last = pick(r, P.first, n, zipf=.7), pick(r, P.last, n, zipf=.7)
    lf = pc.utf8_lower(first); ll = pc.utf8_lower(last)
    num = pa.array(r.integers(1, 9999, n)).cast(pa.string())
    mail = lambda: join(join(lf, ll, sep="."), num, pa.scalar("@"), pick(r, DOMAIN, n, zipf=.9))
    bizname = join(pick(r, BIZ1, n), pick(r, BIZ2, n), pick(r, BIZ3, n), sep=" ")
    bizmail = join(lf, pa.scalar("@"), pc.replace_substring_regex(pc.ascii_lower(bizname), r"[^a-z]+", "-"), pa.scalar(".com"))
    birth = pa.array((r.integers(-10957, 13000, n)).astype(np.int32)).cast(pa.date32()).cast(pa.string())
    s = [pick(r, P.sent, n) for _ in range(3)]
    kind = r.random(n)
    info = pc.if_else(pa.array(kind < .5), s[0], pc.if_else(pa.array(kind < .85), join(s[0], s[1], sep=" "), join(s[0], s[1], s[2], sep="\n")))
    info = join(info, pa.scalar(" Ref "), pa.array(r.integers(10**6, 10**8, n)).cast(pa.string()))
    phone = lambda p: digits(r, n, p[1], p[0])
    cols = {
        "ProfileId": pid,
        "AccountNumber": nulls(r, digits(r, n, 10, b"ACC-"), .1),
        "AdditionalInformation": nulls(r, info, .45),
        "PartyType": nulls(r, pick(r, ["INDIVIDUAL", "BUSINESS", "OTHER"], n, p=[.85, .12, .03]), .05),
        "BusinessName": nulls(r, bizname, .6),
        "FirstName": nulls(r, first, .02),
        "MiddleName": nulls(r, pick(r, P.first, n, zipf=.5), .6),
        "LastName": nulls(r, last, .02),
        "BirthDate": nulls(r, birth, .25),
        "Gender": nulls(r, pick(r, ["MALE", "FEMALE", "UNSPECIFIED"], n, p=[.46, .47, .07]), .35),
        "PhoneNumber": nulls(r, phone((b"+1", 10)), .1),
        "MobilePhoneNumber": nulls(r, phone((b"+1", 10)), .35),
        "HomePhoneNumber": nulls(r, phone((b"+44", 10)), .6),
        "BusinessPhoneNumber": nulls(r, phone((b"+1", 10)), .58),
        "EmailAddress": nulls(r, mail(), .08),
        "PersonalEmailAddress": nulls(r, mail(), .5),
        "BusinessEmailAddress": nulls(r, bizmail, .6),
        "Address": address(r, P, n, .05),
        "ShippingAddress": address(r, P, n, .4),
        "MailingAddress": address(r, P, n, .55),
        "BillingAddress": address(r, P, n, .45),
    }
    off, keys, vals = attributes(r, n)
    amap = pa.MapArray.from_arrays(pa.array(off), keys, vals)
    cols["Attributes"] = amap
    cnt = np.array([0, 1, 2, 3])[r.choice(4, n, p=[.45, .3, .18, .07])].astype(np.int64)
    eoff = np.zeros(n + 1, np.int32); np.cumsum(cnt, out=eoff[1:])
    m = int(eoff[-1])
    kn = pick(r, ["PHONE_PREFERENCE", "EMAIL_PREFERENCE", "SMS_WINDOW", "LANGUAGE"], m)
    kv = pick(r, ["PREFERRED", "DO_NOT_CONTACT", "WEEKDAYS 9-17", "en", "fr", "NO_PREFERENCE"], m)
    epid = pid.take(pa.array(np.repeat(np.arange(n), cnt).astype(np.int32)))
    st = pa.StructArray.from_arrays([kn, kv, epid], names=["KeyName", "KeyValue", "ProfileId"])
    cols["EngagementPreferences"] = pa.ListArray.from_arrays(pa.array(eoff), st)
    cols["LoyaltyPoints"] = nulls(r, pa.array((r.pareto(1.2, n) * 300).clip(0, 5e7).astype(np.int64)), .1)
    cents = (r.lognormal(8.5, 1.6, n)).clip(0, 1e14).astype(np.int64)
    d = np.zeros((n, 2), np.int64); d[:, 0] = cents * np.where(r.random(n) < .01, -1, 1); d[:, 1] = np.where(d[:, 0] < 0, -1, 0)
    dec = pa.Array.from_buffers(pa.decimal128(18, 2), n, [None, pa.py_buffer(d)])
    cols["LifetimeValue"] = nulls(r, dec, .12)
    sc = r.random(n); cols["Score"] = nulls(r, pa.array(np.where(r.random(n) < .3, np.round(sc, 2), sc)), .15)
    cols["OptIn"] = nulls(r, pa.array(r.random(n) < .6), .08)
    created = r.integers(1420070400000, 1735689600000, n)
    cols["CreatedAt"] = pa.array(created).cast(pa.timestamp("ms", tz="UTC"))
    cols["LastUpdatedAt"] = nulls(r, pa.array(created + r.integers(0, 30000000000, n)).cast(pa.timestamp("ms", tz="UTC")), .03)
    cols["LastPurchaseDate"] = nulls(r, pa.array((16436 + r.integers(0, 3650, n)).astype(np.int32)).cast(pa.date32()), .3)
    nested = pa.table(cols)
    # flat: the same values
    fc = {}
    for name, a in cols.items():
        if pa.types.is_struct(a.type):
            for i in range(a.type.num_fields):
                fc[f"{name}.{a.type.field(i).name}"] = a.field(i)
        elif name == "Attributes":
            pair = join(json_text(keys), json_text(vals), sep=":")
            l = pa.ListArray.from_arrays(pa.array(off), pair)
            fc[name] = join(pa.scalar("{"), pc.binary_join(l, ","), pa.scalar("}"))
        elif name == "EngagementPreferences":
            o = join(pa.scalar('{"KeyName":'), json_text(kn), pa.scalar(',"KeyValue":'), json_text(kv), pa.scalar(',"ProfileId":'), json_text(epid), pa.scalar("}"))
            l = pa.ListArray.from_arrays(pa.array(eoff), o)
            fc[name] = join(pa.scalar("["), pc.binary_join(l, ","), pa.scalar("]"))
        else:
            fc[name] = a
    return nested, pa.table(fc)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--rows", type=int, default=1_000_000)
    ap.add_argument("--out", required=True)
    ap.add_argument("--files", type=int, default=1)
    ap.add_argument("--seed", type=int, default=42)
    ap.add_argument("--variant", choices=["both", "nested", "flat"], default="both")
    ap.add_argument("--row-group", type=int, default=65536)
    a = ap.parse_args()
    P = Pools(a.seed)
    want = ["nested", "flat"] if a.variant == "both" else [a.variant]
    for v in want:
        os.makedirs(f"{a.out}/{v}", exist_ok=True)
    nchunks = -(-a.rows // a.row_group)
    per = -(-nchunks // a.files)
    writers = {}
    for k in range(nchunks):
        n = min(a.row_group, a.rows - k * a.row_group)
        t = dict(zip(("nested", "flat"), chunk(a.seed, k, n, P)))
        for v in want:
            if k % per == 0:
                if v in writers:
                    writers[v].close()
                writers[v] = pq.ParquetWriter(f"{a.out}/{v}/part-{k // per:05d}.parquet", t[v].schema, compression="zstd", compression_level=3)
            writers[v].write_table(t[v], row_group_size=a.row_group)
    for w in writers.values():
        w.close()
    meta = dict(rows=a.rows, files=a.files, seed=a.seed, row_group=a.row_group)
    json.dump(meta, open(f"{a.out}/meta.json", "w"))
    for v in want:
        sz = sum(os.path.getsize(f"{a.out}/{v}/{f}") for f in os.listdir(f"{a.out}/{v}"))
        print(f"{v}: {a.rows} rows, {sz/1e6:.1f} MB parquet")


if __name__ == "__main__":
    main()
