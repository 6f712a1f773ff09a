# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules: what they cost beside counting fields, what many cost beside few, what correlations with many groups cost.

Generated rules: half of them `contains`, a tenth `re`, the others whole values, beginnings and ends, over many fields, each with a literal
of its own; one in a hundred holds for something in the generated capture.
"""
import os
import random

import benchlib

RECORDS_PER_S, EXEC_PER_S, AGAINST = 3.0, 1.5, 6
COUNTS, GROWTH, LOAD_S, LOAD_MIB = (250, 1000, 10000), 2.0, 2.0, 256
GROUPS, GROUP_MIB, GROUP_GROWTH = 1000000, 256, 2.1
FIELDS = (("PATH", "name"), ("PATH", "nametype"), ("SYSCALL", "exe"), ("SYSCALL", "comm"), ("SYSCALL", "key"), ("CWD", "cwd"),
          ("PROCTITLE", "proctitle"), ("EXECVE", "a1"), ("EXECVE", "a2"), ("EXECVE", "a3"), ("USER_LOGIN", "addr"), ("SOCKADDR", "laddr"))
SHAPES = ("contains",) * 5 + ("re", "startswith", "endswith", "", "endswith")


def word(r):
    return "".join(r.choice("abcdefghijklmnopqrstuvwxyz0123456789-_./") for _ in range(r.randrange(6, 18)))


def test_of(r, i):
    """Modifier and value of the rule's test."""
    shape = SHAPES[i % len(SHAPES)]
    if shape == "re":
        return "|re", f"{word(r).replace('.', chr(92) + '.')}[0-9]+(x|y)$"
    return (f"|{shape}" if shape else ""), word(r)


def write_rules(path, n):
    r = random.Random(n)
    with open(path, "w", encoding="ascii") as f:
        for i in range(n):
            kind, field = r.choice(FIELDS)
            mod, value = test_of(r, i)
            if i % 100 == 0:
                kind, field, mod, value = "PATH", "name", "|contains", f"module_{i // 100 * 5:04d}"
            f.write(f"title: Generated {i}\\nid: generated-{i}\\nlogsource: {{ product: linux, service: auditd }}\\n"
                    f"detection:\\n    one: {{ type: {kind}, {field}{mod}: '{value}' }}\\n    condition: one\\nlevel: low\\n---\\n"
                    .replace("\\n", "\n"))


def command(b, rules, *options):
    return [b.aulert, "test", "--format", "tsv", "--rules", rules, *options]


def rate(b, table, rules, name, options, goal, args):
    capture = b.capture(f"{name}.log", *options)
    sides = {"aulert": lambda: b.cost(command(b, rules), capture, b.path("hits"), (0, 1)),
             "libauparse": lambda: b.cost([b.tool("ex1")], capture)}
    cpu = benchlib.in_turn(sides, args.repetitions)
    with open(capture, "rb") as f:
        n = sum(1 for _ in f)
    with open(b.path("hits"), "rb") as f:
        hits = sum(1 for _ in f)
    table.note(f"{name}: {n} records, {hits} hits, CPU {cpu['aulert']:.3f} s with loading, {cpu['libauparse']:.3f} s to count fields")
    table.at_least(f"{name}: million records a second", n / cpu["aulert"] / 1e6, goal)
    return cpu["libauparse"] / cpu["aulert"]


def many(b, table, args):
    capture = b.capture("enriched.log")
    paths, used = {}, {}
    for n in COUNTS:
        paths[n] = b.path(f"rules-{n}.yml")
        write_rules(paths[n], n)
        used[n] = b.cost(command(b, paths[n]), allowed=(0, 1))
    load = benchlib.in_turn({n: lambda n=n: b.cost(command(b, paths[n]), allowed=(0, 1)) for n in COUNTS}, args.repetitions)
    whole = benchlib.in_turn({n: lambda n=n: b.cost(command(b, paths[n]), capture, b.path("hits"), (0, 1)) for n in COUNTS},
                             args.repetitions)
    for n in COUNTS:
        table.note(f"{n} rules: load {load[n]:.2f} s, {used[n].rss_kib / 1024:.0f} MiB; match {whole[n] - load[n]:.3f} s")
    table.at_most(f"{COUNTS[-1]} rules against {COUNTS[0]}, after loading",
                  (whole[COUNTS[-1]] - load[COUNTS[-1]]) / (whole[COUNTS[0]] - load[COUNTS[0]]), GROWTH)
    table.at_most(f"{COUNTS[-1]} rules: load", load[COUNTS[-1]], LOAD_S, "s")
    table.at_most(f"{COUNTS[-1]} rules: memory", used[COUNTS[-1]].rss_kib / 1024, LOAD_MIB, "MiB")


COUNTED = """title: Failed
name: failed
logsource: { product: linux, service: auditd }
detection:
    one: { type: USER_LOGIN, res: failed }
    condition: one
---
title: Many failures
id: many
correlation:
    type: event_count
    rules: [failed]
    group-by: [addr]
    timespan: 10m
    condition: { gte: 3 }
level: medium
"""


def write_groups(path, n):
    with open(path, "w", encoding="ascii") as f:
        for i in range(n):
            stamp = 1700000000000 + i
            f.write(f"type=USER_LOGIN msg=audit({stamp // 1000}.{stamp % 1000:03}:{i + 1}): pid=1 uid=0 auid=4294967295 ses=4294967295 "
                    f"msg='op=login acct=\"x\" exe=\"/usr/sbin/sshd\" hostname=? addr=10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255} "
                    f"terminal=ssh res=failed'\n")


def groups(b, table):
    rules = b.path("groups.yml")
    with open(rules, "w", encoding="ascii") as f:
        f.write(COUNTED)
    cost = {}
    for n in GROUPS // 2, GROUPS:
        write_groups(b.path("groups.log"), n)
        cost[n] = b.cost(command(b, rules), b.path("groups.log"), b.path("hits"), (0, 1))
    table.note(f"{GROUPS} groups, one event each: {cost[GROUPS].cpu_s / GROUPS * 1e6:.2f} us an event")
    table.at_most(f"{GROUPS} groups against half as many", cost[GROUPS].cpu_s / cost[GROUPS // 2].cpu_s, GROUP_GROWTH)
    table.at_most(f"{GROUPS} groups: memory", cost[GROUPS].rss_kib / 1024, GROUP_MIB, "MiB")


def run(b, table, args):
    """args.rules: a directory of Sigma rules."""
    print(f"aulert test, rules of {args.rules}")
    ratio = rate(b, table, args.rules, "enriched", (), RECORDS_PER_S, args)
    table.at_least("enriched: CPU time, against counting fields", ratio, AGAINST)
    rate(b, table, args.rules, "exec-only", ("--exec-only",), EXEC_PER_S, args)
    many(b, table, args)
    groups(b, table)
    os.unlink(b.path("groups.log"))
