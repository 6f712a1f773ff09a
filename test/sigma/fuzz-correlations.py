#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares correlations with an evaluator of their own: random correlations over random events must give the hits that it gives.

Usage: fuzz-correlations.py AULERT [ROUNDS [SEED]]

The evaluator keeps all occurrences and looks at the whole window each time, in the order of events; it shares nothing with aulert but
the reading of the manual. Rules are trivial, so that everything is about windows, groups, aliases, chains and who is silent. In most
rounds events come up to two seconds out of order. Fails when hits differ, or when hardly anything hit.
"""
import pathlib
import random
import re
import subprocess
import sys
import tempfile

OPERATORS = {"lt": lambda a, b: a < b, "lte": lambda a, b: a <= b, "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b,
             "eq": lambda a, b: a == b, "neq": lambda a, b: a != b}
TYPES = ["event_count", "event_count", "value_count", "value_sum", "value_avg", "temporal", "temporal", "temporal_ordered"]
UNITS = {"s": 1000, "m": 60000, "h": 3600000, "d": 86400000}


def random_events(r):
    events, t, seen = [], 1700000000000, set()
    for _ in range(r.randrange(10, 60)):
        t += r.choice([0, 0, 1, 500, 1000, 3000, 5000, 10000, 10000, 20000, 60000])
        fields = {"k": r.choice("abc"), "u": r.choice("xyY")}
        if r.random() < 0.8:
            fields["v"] = r.choice(["1", "2", "3.5", "-4", "q", "10", ""])
        if r.random() < 0.7:
            fields["w"] = r.choice("xym")
        node = r.choice(["", "", "n1"])
        key = (t, r.randrange(1, 1000), node)
        if key not in seen:
            seen.add(key)
            events.append((*key, fields))
    if r.random() < 0.7:
        events.sort(key=lambda e: e[0] + r.choice([r.random() * 1900, 2000]))
    return events


def random_rules(r):
    return {f"r{n}": (r.choice("kuv"), r.choice("abcxy1**")) for n in range(r.randrange(1, 5))}


def random_condition(r, c):
    if c["type"].startswith("temporal"):
        if c["type"] == "temporal" and r.random() < 0.4:
            c["tests"] = {r.choice(list(OPERATORS)): r.randrange(1, 4)}
        return
    c["tests"] = {r.choice(list(OPERATORS)): r.choice([1, 2, 2, 3, 4, 5, 0.5, 3.5, 10, -1]) for _ in range(r.choice([1, 1, 1, 2]))}
    if c["type"] != "event_count":
        c["fields"] = r.choice([["v"], ["w"], ["v", "w"], ["k"]]) if c["type"] == "value_count" else ["v"]


def random_correlations(r, rules):
    found = {}
    for n in range(r.randrange(1, 6)):
        c = {"type": r.choice(TYPES), "tests": {}, "fields": [], "aliases": {}}
        c["rules"] = [r.choice([*rules, *found]) for _ in range(r.randrange(1, 4))]
        c["group"] = r.choice([[], ["u"], ["u"], ["k"], ["w"], ["u", "w"], ["node"], ["g"]])
        if c["group"] == ["g"]:
            c["aliases"] = {rule: r.choice("uwk") for rule in c["rules"]}
        c["span"] = r.choice(["0s", "1s", "5s", "10s", "30s", "1m", "1h", "1d"])
        c["generate"] = r.choice([None, None, None, True, False])
        random_condition(r, c)
        found[f"c{n}"] = c
    return found


def yaml_of(rules, correlations):
    docs = [f"title: {n}\nid: {n}\nlogsource: {{product: linux}}\ndetection: {{s: {{type: USER_LOGIN, {f}: '{v}'}}, condition: s}}\n"
            for n, (f, v) in rules.items()]
    for n, c in correlations.items():
        doc = f"title: {n}\nid: {n}\ncorrelation:\n  type: {c['type']}\n  rules: [{', '.join(c['rules'])}]\n  timespan: {c['span']}\n"
        if c["group"]:
            doc += f"  group-by: [{', '.join(c['group'])}]\n"
        if c["aliases"]:
            doc += "  aliases: {g: {" + ", ".join(f"{a}: {b}" for a, b in c["aliases"].items()) + "}}\n"
        if c["tests"]:
            field = f"field: [{', '.join(c['fields'])}], " if c["fields"] else ""
            doc += "  condition: {" + field + ", ".join(f"{a}: {b}" for a, b in c["tests"].items()) + "}\n"
        if c["generate"] is not None:
            doc += f"  generate: {str(c['generate']).lower()}\n"
        docs.append(doc)
    return "---\n".join(docs)


def id_of(event):
    t, serial, node, _ = event
    return (f"{node}/" if node else "") + f"{t // 1000}.{t % 1000:03d}:{serial}"


def log_of(events):
    for e in events:
        stamp = id_of(e).rpartition("/")[2]
        fields = " ".join(f'{k}="{v}"' for k, v in e[3].items())
        yield (f"node={e[2]} " if e[2] else "") + f"type=USER_LOGIN msg=audit({stamp}): {fields}\n"


def number(text):
    return float(text) if text is not None and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", text) else None


def in_order(c, window, now):
    """A chain of the rules that ends now: each link is the latest that stands before the one behind it."""
    at = now if (now, c["rules"][-1]) in {(o[0], o[3]) for o in window} else None
    for rule in reversed(c["rules"][:-1]):
        at = max((o[0] for o in window if o[3] == rule and at is not None and o[0] < at), default=None)
    return at is not None


def value_of(c, window):
    if c["type"] == "event_count":
        return len({o[0] for o in window})
    if c["type"] == "temporal":
        return len({o[3] for o in window})
    values = [tuple(o[4].get(f) for f in c["fields"]) for o in window]
    if c["type"] == "value_count":
        return len({v for v in values if None not in v})
    numbers = [x for x in (number(v[0]) for v in values) if x is not None]
    return sum(numbers) / (len(numbers) if c["type"] == "value_avg" else 1) if numbers else None


def holds(c, window, now):
    if c["type"] == "temporal_ordered":
        return in_order(c, window, now)
    value = value_of(c, window)
    if not c["tests"]:
        return value == len(set(c["rules"]))
    return value is not None and all(OPERATORS[op](value, n) for op, n in c["tests"].items())


def evaluate(name, c, steps, edge):
    """Adds what fires to each step. A step is (order, time, fields, {rule: [fields of its occurrences]})."""
    past, held = [], {}
    span = int(c["span"][:-1]) * UNITS[c["span"][-1]]
    for order, t, fields, occurred in steps:
        groups = []
        for rule in dict.fromkeys(c["rules"]):
            for found in occurred.get(rule, []):
                group = tuple(found.get(c["aliases"].get(rule) if g == "g" else g) for g in c["group"])
                if None in group:
                    continue
                past.append((order, t, group, rule, found))
                if group not in groups:
                    groups.append(group)
        for group in groups:
            now = holds(c, [o for o in past if o[2] == group and o[1] >= t - span], order)
            if now and not (edge and held.get(group)):
                occurred.setdefault(name, []).append({**fields, **dict(zip(c["group"], group))})
            held[group] = now


def expected(rules, correlations, events, edge):
    steps = []
    for order, (place, e) in enumerate(sorted(enumerate(events), key=lambda x: (x[1][0], x[1][1], x[0]))):
        fields = {**e[3], **({"node": e[2]} if e[2] else {})}
        occurred = {n: [fields] for n, (f, v) in rules.items() if f in fields and (v == "*" or fields[f].lower() == v)}
        steps.append((order, e[0], fields, occurred, place))
    for name, c in correlations.items():
        evaluate(name, c, [s[:4] for s in steps], edge)
    silent = {n for c in correlations.values() for n in c["rules"]} - {n for c in correlations.values() if c["generate"] for n in c["rules"]}
    return sorted({f"{n}\t{id_of(events[s[4]])}" for s in steps for n in s[3] if n not in silent})


def run_round(aulert, directory, seed):
    """What is wrong, and how many hits there were."""
    r = random.Random(seed)
    events, rules = random_events(r), random_rules(r)
    correlations, edge = random_correlations(r, rules), r.random() < 0.3
    (directory / "r.yml").write_text(yaml_of(rules, correlations))
    (directory / "e.log").write_text("".join(log_of(events)))
    cmd = [aulert, "test", "--rules", directory / "r.yml", "--format", "tsv", "--corr-fire", "edge" if edge else "each", directory / "e.log"]
    p = subprocess.run(cmd, capture_output=True, text=True, timeout=120, check=False)
    if ": error: " in p.stderr:  # a condition that no number can meet
        return "", 0
    got, want = sorted(p.stdout.splitlines()), expected(rules, correlations, events, edge)
    if got == want:
        return "", len(got)
    return f"missing {sorted(set(want) - set(got))[:5]}, too much {sorted(set(got) - set(want))[:5]}", len(got)


def main():
    aulert, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    directory = pathlib.Path(tempfile.mkdtemp(prefix="aulert-fuzz-"))
    hits = 0
    for n in range(seed, seed + rounds):
        wrong, some = run_round(aulert, directory, n)
        hits += some
        if wrong:
            print(f"seed {n}: {wrong}; see {directory}")
            return 1
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()
    print(f"{rounds} rounds, {hits} hits")
    return 0 if hits > rounds * 5 else 1


if __name__ == "__main__":
    sys.exit(main())
