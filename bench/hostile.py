#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Input that is meant to be slow, big or wrong, of any size.

CASES is the table: each row makes N of something, and says how many records of it come out of aulert (what does not
is counted there as dropped). As a program it prints one case: hostile.py CASE N >FILE; without arguments it lists them.
"""
import collections
import sys

T0 = 1795336266  # seconds; any will do
RECORDS = 4  # of each kind of very wide record

SYSCALL = ("arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7f11de4050b1 a2=80000 a3=0 items=1 ppid=30769 "
           "pid=30777 auid=5101 uid={uid} gid={uid} euid={uid} suid={uid} fsuid={uid} egid={uid} sgid={uid} fsgid={uid} "
           "tty=(none) ses=5 comm=\"trig\" exe=\"/srv/bin/trig\" key=\"files\"")
CALL = SYSCALL.format(uid=0)
PATH = ("item=0 name=\"/etc/ld.so.cache\" inode=409606 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL "
        "cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0")
CWD = "cwd=\"/srv\""
TITLE = "proctitle=2F7372762F62696E2F747269670066696C6573"


def rec(kind, serial, text, sec=T0, ms=0, node=None):
    head = f"node={node} " if node is not None else ""
    return f"{head}type={kind} msg=audit({sec}.{ms:03d}:{serial}): {text}\n"


def whole(serial, sec=T0, ms=0, node=None):
    """An event as a kernel writes it."""
    for kind, text in ("SYSCALL", CALL), ("CWD", CWD), ("PATH", PATH), ("PROCTITLE", TITLE):
        yield rec(kind, serial, text, sec, ms, node)


def interleave(n):
    for kind, text in ("SYSCALL", CALL), ("CWD", CWD), ("PATH", PATH), ("PROCTITLE", TITLE):
        for i in range(n):
            yield rec(kind, i, text, ms=i * 900 // n)


def over_limit(n):
    for kind, text in ("CWD", "a=1"), ("PROCTITLE", "b=2"):
        for i in range(n):
            yield rec(kind, i, text, ms=i * 900 // n)


def thin(n):
    """Records that are next to nothing, of events that all stay open: bookkeeping instead of text."""
    for i in range(n):
        yield rec("CWD", i % 8000, "a=1")


def head_of_line(n):
    yield rec("SYSCALL", 1, CALL)
    for i in range(n):
        yield from whole(i + 2, ms=1 + i * 900 // n)


def never_ends(n):
    for i in range(n // 2):
        yield rec("SYSCALL", i, CALL, ms=i % 1000)
    for i in range(n // 2):
        yield from whole(n + i, sec=T0 + 1 + i // 5000, ms=i // 5 % 1000)


def future(n):
    for i in range(n // 2):
        yield rec("SYSCALL", i, CALL, sec=T0 + 86400, ms=i % 1000)
    for i in range(n // 2):
        yield from whole(n + i, sec=T0 + i // 5000, ms=i // 5 % 1000)


def backwards(n):
    for i in range(n):
        yield rec("SYSCALL", i, CALL, sec=T0 - 3 * i)


def skew(n):
    for i in range(n):
        for a, b in zip(whole(i, sec=T0 + i // 5000, node="fast"), whole(i, sec=T0 - 5 + i // 5000, node="slow")):
            yield a
            yield b


def nodes(n):
    for kind, text in ("SYSCALL", CALL), ("PROCTITLE", TITLE):
        for i in range(n):
            yield rec(kind, 7, text, node=f"host{i}.example.org")


def nodes_in_turn(n):
    for i in range(n):
        yield from whole(7, node=f"host{i}.example.org")


def huge(n):
    yield rec("SYSCALL", 1, CALL)
    for _ in range(n - 2):
        yield rec("PATH", 1, PATH)
    yield rec("PROCTITLE", 1, TITLE)


def long_line(n):
    yield rec("SYSCALL", 1, "x=" + "y" * n)


def big_open(n):
    for i in range(n):
        yield rec("SYSCALL", i, "x=" + "y" * 1000000)


def lines_at_limit(n):
    for i in range(n):
        yield rec("USER_LOGIN", i, "x=" + "y" * 1000000)


def fields_same(n):
    for serial in range(RECORDS):
        yield rec("USER_LOGIN", serial, " ".join(["f=1"] * n))


def fields_different(n):
    for serial in range(RECORDS):
        yield rec("USER_LOGIN", serial, " ".join(f"f{i}=1" for i in range(n)))


def fields_enriched(n):
    for serial in range(RECORDS):
        yield rec("USER_LOGIN", serial, " ".join(f"uid{i}=1" for i in range(n // 2)) + "\x1d"
                  + " ".join(f"UID{i}=\"root\"" for i in range(n // 2)))


def fields_typed(n):
    """Fields whose meaning is looked up, again and again in one record."""
    for serial in range(RECORDS):
        yield rec("USER_LOGIN", serial, " ".join(["uid=0"] * n))


def uids_one(n):
    for i in range(n // 2):
        yield rec("SYSCALL", i, SYSCALL.format(uid=700001))
        yield rec("PROCTITLE", i, TITLE)


def uids_many(n):
    for i in range(n // 2):
        yield rec("SYSCALL", i, SYSCALL.format(uid=700001 + i))
        yield rec("PROCTITLE", i, TITLE)


def uids_colliding(n):
    for i in range(n // 2):
        yield rec("SYSCALL", i, SYSCALL.format(uid=19 * (i % 40)))
        yield rec("PROCTITLE", i, TITLE)


def lost_titles(n):
    for i in range(n):
        yield rec("SYSCALL", i, CALL, sec=T0 + i // 1000, ms=i % 1000)
        yield rec("CWD", i, CWD, sec=T0 + i // 1000, ms=i % 1000)


def eoe_alone(n):
    for i in range(n):
        yield rec("EOE", i, "")


def eoe_storm(n):
    for i in range(n // 8):
        yield from whole(i)
        for _ in range(4):
            yield rec("EOE", i, "")


def late_one(n):
    yield from whole(1)
    for _ in range(n - 4):
        yield rec("PATH", 1, PATH)


def late_each(n):
    for i in range(n // 5):
        yield from whole(i, ms=i * 900 // n)
    for i in range(n // 5):
        yield rec("PATH", i, PATH, ms=i * 900 // n)


def values(n):
    for i in range(n):
        v = i * 2654435761 % (1 << 32)
        yield rec("USER_LOGIN", i, f"pid={v} uid={i} auid={i + 1} ses={v} msg='op=login{v} acct=\"u{v}\" exe=\"/x/{v}\" "
                  f"hostname=h{v} addr=10.{v >> 16 & 255}.{v >> 8 & 255}.{v & 255} terminal=t{v} res=r{v}'")


def sockets(n):
    for i in range(n):
        path = f"/run/{i * 2654435761 % (1 << 32):08x}.sock".encode().hex().upper()
        yield rec("SYSCALL", i, CALL.replace("syscall=257", "syscall=42"))
        yield rec("SOCKADDR", i, f"saddr=0100{path}00")
        yield rec("PROCTITLE", i, TITLE)


def arguments(n):
    yield rec("EXECVE", 1, f"argc={n} " + " ".join(f"a{i}=x" for i in range(n)))


def keys(n):
    for serial in range(RECORDS):
        yield rec("SYSCALL", serial, "syscall=1 key=" + "6B3101" * n)


def long_values(n):
    for serial in range(n):
        yield rec("PROCTITLE", serial, "proctitle=" + "2F00" * 100000)


def apostrophes(n):
    yield rec("USER_LOGIN", 1, "msg='" + "a=" + "'" * n)
    yield rec("USER_LOGIN", 2, "msg='a=\"" + "' \"" * (n // 3))


def spaces(n):
    yield rec("USER_LOGIN", 1, " " * n)
    yield rec("USER_LOGIN", 2, "a=1" + " " * n + "b=2")


def permissions(n):
    for serial in range(RECORDS):
        yield rec("AVC", serial, "avc:  denied  { " + "read " * n + "} for pid=1 comm=\"x\"")


def types(n):
    for i in range(n):
        yield rec(f"UNKNOWN[{3000 + i}]" if i % 2 else f"NEVER_HEARD_OF_{i}", i, "a=1")


def garbage(n):
    for i in range(n):
        yield ("msg=audit(" * 40 if i % 4 == 0 else "type=" * 80 if i % 4 == 1 else "x" * 400 if i % 4 == 2 else "") + "\n"


def nul(n):
    for i in range(n):
        yield rec("USER_LOGIN", i, "a=1\0b=2")


def extremes(n):
    numbers = (0, 1, 2**31, 2**32, 2**62, 2**63 - 1)
    for i in range(n):
        yield rec("USER_LOGIN", numbers[i // 6 % 6] - i // 36, "a=1", sec=numbers[i % 6], ms=i % 1000)


def wide(_):
    return RECORDS


# few: N at which even a quadratic parser is done soon. count: N that is compared with 2N in instructions; wide records are far
# beyond the size of one read, so that both are buffered alike. big: N for peak memory. out(n): records that `events` delivers;
# None: not known beforehand. full: so many fill a table to its limit, growth is counted from there.
Case = collections.namedtuple("Case", "make few count big out why full", defaults=[0])
CASES = {
    "interleave": Case(interleave, 400, 3000, 32000, lambda n: 4 * n, "N events are open at the same time"),
    "over-limit": Case(over_limit, 400, 15000, 300000, lambda n: 2 * n, "more events are open than may be", 40000),
    "thin": Case(thin, 400, 20000, 1000000, lambda n: n, "N short records of 8,000 open events"),
    "head-of-line": Case(head_of_line, 400, 2500, 200000, lambda n: 4 * n + 1, "one lost PROCTITLE, then N events"),
    "never-ends": Case(never_ends, 400, 5000, 60000, lambda n: n // 2 * 5, "N/2 events never end, then normal traffic"),
    "future": Case(future, 400, 5000, 60000, lambda n: n // 2 * 5, "a clock a day ahead, then normal traffic"),
    "backwards": Case(backwards, 400, 8000, 32000, lambda n: n, "every event is 3 s older than the one before"),
    "skew": Case(skew, 400, 1500, 50000, lambda n: 8 * n, "two nodes, one clock 5 s behind, interleaved"),
    "nodes": Case(nodes, 400, 4000, 10000, lambda n: 2 * n, "N nodes, all events of one time and serial, all open"),
    "nodes-in-turn": Case(nodes_in_turn, 400, 2500, 200000, lambda n: 4 * n, "N nodes, one after the other"),
    "huge": Case(huge, 400, 10000, 40000, lambda n: n, "one event of N records"),
    "long-line": Case(long_line, 100000, 10000000, 40000000, lambda n: 0, "one line of N bytes"),
    "big-open": Case(big_open, 3, 20, 200, lambda n: n, "N open events of a line of 1 MB each"),
    "lines-at-limit": Case(lines_at_limit, 3, 10, 100, lambda n: n, "N lines of 1 MB"),
    "fields-same": Case(fields_same, 400, 40000, 200000, wide, "N fields of one name in a record"),
    "fields-different": Case(fields_different, 400, 40000, 100000, wide, "N fields of different names in a record"),
    "fields-enriched": Case(fields_enriched, 400, 30000, 70000, wide, "N fields, half of them after 0x1D"),
    "fields-typed": Case(fields_typed, 400, 40000, 150000, wide, "N uids in a record"),
    "uids-one": Case(uids_one, 400, 10000, 50000, lambda n: n, "N records, one unknown id"),
    "uids-many": Case(uids_many, 400, 10000, 50000, lambda n: n, "N records, as many unknown ids"),
    "uids-colliding": Case(uids_colliding, 400, 8000, 50000, lambda n: n, "N records, ids equal modulo 19"),
    "lost-titles": Case(lost_titles, 400, 5000, 500000, lambda n: 2 * n, "no PROCTITLE ever: every event ends by time"),
    "eoe-alone": Case(eoe_alone, 400, 15000, 1000000, lambda n: 0, "N EOE records of no event"),
    "eoe-storm": Case(eoe_storm, 400, 12000, 1000000, lambda n: n // 2, "four EOE records an event"),
    "late-one": Case(late_one, 400, 10000, 1000000, lambda n: n, "N records come after their event"),
    "late-each": Case(late_each, 400, 10000, 1000000, lambda n: n, "N/5 events, each with a late record"),
    "values": Case(values, 400, 6000, 200000, lambda n: n, "every value of every field is new"),
    "sockets": Case(sockets, 400, 4000, 150000, lambda n: 3 * n, "every socket address is new"),
    "arguments": Case(arguments, 400, 40000, 100000, lambda n: 1, "a program with N arguments"),
    "keys": Case(keys, 400, 40000, 150000, wide, "N keys in a record"),
    "long-values": Case(long_values, 2, 5, 100, lambda n: n, "values of 400 kB"),
    "apostrophes": Case(apostrophes, 400, 200000, 900000, lambda n: 2, "N quotes that close nothing"),
    "spaces": Case(spaces, 400, 300000, 900000, lambda n: 2, "N spaces"),
    "permissions": Case(permissions, 400, 40000, 150000, wide, "N permissions in an AVC record"),
    "types": Case(types, 400, 8000, 500000, lambda n: n, "every record is of a type nobody knows"),
    "garbage": Case(garbage, 400, 15000, 1000000, lambda n: 0, "lines that are no records"),
    "nul": Case(nul, 400, 12000, 1000000, lambda n: n, "a NUL in every line"),
    "extremes": Case(extremes, 400, 8000, 100000, None, "times and serials at the ends of their range"),
}


def write(name, n, path):
    """Returns the number of lines."""
    lines = 0
    with open(path, "w", encoding="latin-1", buffering=1 << 20) as out:
        for line in CASES[name].make(n):
            out.write(line)
            lines += 1
    return lines


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in CASES:
        for name, case in CASES.items():
            print(f"{name:18} {case.why}")
        return 0 if len(sys.argv) == 1 else 2
    for line in CASES[sys.argv[1]].make(int(sys.argv[2])):
        sys.stdout.buffer.write(line.encode("latin-1"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
