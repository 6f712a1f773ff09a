#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-json.py PROGRAM CAPTURES: what PROGRAM (print-events) writes for every capture, and for seeded hostile lines, is

- JSON, no key twice, no control character, one record for each line;
- the same whether finished pieces are remembered and copied or everything is worked out anew;
- exact: base64 stands beside every string with U+FFFD, and decodes to it."""
import base64
import json
import random
import subprocess
import sys
from pathlib import Path

REPLACED = "\N{REPLACEMENT CHARACTER}"


def no_twins(pairs):
    keys = [k for k, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key comes twice: {keys}"
    return dict(pairs)


def run(program, how, data):
    return subprocess.run([program, how], input=data, stdout=subprocess.PIPE, check=True, timeout=120).stdout


def events_of(program, data):
    out = run(program, "json", data)
    for quick, thorough in zip(out.split(b"\n"), run(program, "thorough", data).split(b"\n"), strict=True):
        assert quick == thorough, f"what is remembered differs:\n{quick}\n{thorough}"
    lines = out.split(b"\n")
    assert lines.pop() == b"", "the last line has no end"
    for line in lines:
        assert all(c >= 0x20 and c != 0x7F for c in line), f"control character: {line!r}"
        yield json.loads(line.decode("utf-8"), object_pairs_hook=no_twins)


def check_exact(record):
    """Each string with U+FFFD has its bytes in base64 that decode to it."""
    exact = record.get("base64", {})
    for part in ("fields", "enriched", "text"):
        for name, value in record[part].items():
            for i, v in enumerate(value if isinstance(value, list) else [value]):
                if not isinstance(v, str) or REPLACED not in v or name == "raw":
                    continue
                assert name in exact, (name, record)
                e = exact[name]
                e = e[i] if isinstance(e, list) and isinstance(value, list) and i < len(e) else e
                if part == "fields":
                    assert base64.b64decode(e).decode("utf-8", "replace") == v, (name, record)
    if REPLACED in record.get("raw", ""):
        assert base64.b64decode(exact["raw"]).decode("utf-8", "replace") == record["raw"]


def check(program, data, lines_in):
    n = 0
    for event in events_of(program, data):
        assert event["id"].endswith(f":{event['serial']}"), event["id"]
        assert event["ended"] in ("terminal", "timeout", "eof", "limit")
        for record in event["records"]:
            n += 1
            check_exact(record)
    assert lines_in is None or n == lines_in, f"{n} records of {lines_in} lines"
    return n


NAMES = [b"uid", b"comm", b"name", b"key", b"a0", b"saddr", b"proctitle", b"op", b"\xff", b"\xfe", b"x\"y", b"", b"acct", b"mode", b"raw", b"UID"]
TYPES = [b"SYSCALL", b"PATH", b"USER_LOGIN", b"AVC", b"EXECVE", b"PROCTITLE", b"SOCKADDR", b"ADD_GROUP", b"X\x01"[:1]]


def hostile_line(rnd, serial):
    def junk(n):
        kind = rnd.randrange(4)
        if kind == 0:
            return bytes(rnd.choice(b"0123456789abcdefABCDEF") for _ in range(n))
        if kind == 1:
            return bytes(rnd.choice(b"ab \"'\\{}()=,\x01\x1b\x1d\x7f\t") for _ in range(n))
        if kind == 2:
            return bytes(rnd.randrange(1, 256) for _ in range(n)).replace(b"\n", b"n")
        return rnd.choice(["root", "\u2028", "\u00e9", "\U0001f600", "\u202e", "\ud800", "0", "4294967295"]).encode("utf-8", "surrogatepass")

    parts = [rnd.choice(NAMES) + b"=" + rnd.choice([b"", b'"', b"'", b"msg='"]) + junk(rnd.randrange(24)) for _ in range(rnd.randrange(12))]
    node = b"" if rnd.randrange(4) else b"node=" + rnd.choice([b"h", b"\xff\xfe", b'n"'])[:8] + b" "
    return node + b"type=" + rnd.choice(TYPES) + b" msg=audit(%d.%03d:%d): " % (1795336266, serial % 1000, serial) + b" ".join(parts) + b"\n"


def usual_line(rnd, serial):
    """Much like the kernel's, so that what is remembered is used, with odd values among them."""
    ids = ["0", "1", "4294967295", "700001", '"0"', "-1", ""]
    explained = ['"root"', '"alice"', '"unset"', "root", '"0"', "0", "unknown-x", '"a b"', '"\u00e9"', '"x', "6162", '"\\\\"', "{ a }"]
    fields = [f"{n}={rnd.choice(ids)}" for n in ("auid", "uid", "gid")]
    fields += [
        f"a{i}={rnd.choice(['0', '1', 'ffffff9c', '7ffd00', '', 'x', '40'])}" for i in range(4)
    ] + [
        f"mode={rnd.choice(['0100644', '040755', '9', ''])}",
        f"exit={rnd.choice(['0', '-13', '-2', '5', '-', 'x'])}",
        f"res={rnd.choice(['0', '1', 'success', '2'])}",
        f"comm={rnd.choice(['6162', chr(34) + 'ls' + chr(34), '(null)', '61', '0a', 'FF'])}",
        f"key={rnd.choice(['(null)', chr(34) + 'k' + chr(34), '6B016C', '6B'])}",
        f"cap_fp={rnd.choice(['0', '1', 'zz'])}",
    ]
    if rnd.randrange(3) == 0:
        rnd.shuffle(fields)
    kind = rnd.choice(["SYSCALL", "PATH", "CWD", "USER_LOGIN", "EXECVE", "AVC"])
    tail = "".join(f"{n}={rnd.choice(explained)} " for n in ("ARCH", "SYSCALL", "AUID", "UID", "GID", "MODE")[rnd.randrange(6) :])
    text = f"type={kind} msg=audit(1795336266.{serial % 1000:03d}:{serial}): arch=c000003e syscall={rnd.randrange(450)} "
    return (text + " ".join(fields) + ("\x1d" + tail if rnd.randrange(4) else "") + "\n").encode()


def main(program, captures, *_):
    n = 0
    for path in sorted(Path(captures).rglob("*.log")):
        data = path.read_bytes()
        n += check(program, data, None)
    rnd = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 7)
    for _ in range(20):
        lines = [(hostile_line if i % 4 == 0 else usual_line)(rnd, i) for i in range(800)]
        n += check(program, b"".join(lines), len(lines))
    wide = b"type=PATH msg=audit(1.001:1): " + b" ".join(b"f%d=%d" % (i, i) for i in range(20000)) + b"\n"
    same = b"type=PATH msg=audit(1.001:2): " + b" ".join(b"uid=%d" % (i % 9) for i in range(20000)) + b"\n"
    long = b"type=PATH msg=audit(1.001:3): name=" + b"FF" * 400000 + b"\n"
    more = b"type=PATH msg=audit(1.001:4): " + b" ".join(b"f%d=1" % i for i in range(70000)) + b"\n"
    n += check(program, wide + same + long + more, 4)
    print(f"{n} records, all JSON")


if __name__ == "__main__":
    main(*sys.argv[1:])
