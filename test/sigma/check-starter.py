#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the starter rules over real captures and compares with what they must find.

Usage: check-starter.py AULERT RULES EXPECTED DIRECTORY...

EXPECTED has lines "capture rule event", sorted, the rule by the name of its file. Every rule must find something somewhere, but for
those that only correlations count; every rule file must say what it needs, when it is wrong, and how severe it is, and have tests
beside it that it must pass and that it must not hit. Audit rules that it names must be in aulert.rules. WRITE_GOLDEN=1 rewrites
EXPECTED: read the difference.
"""
import os
import pathlib
import re
import subprocess
import sys


def files(rules):
    return [path for path in sorted(rules.glob("*.yml")) if not path.name.endswith(".test.yml")]


def ids(rules):
    for path in files(rules):
        yield re.search(r"^id: (\S+)$", path.read_text(), re.M).group(1), path.stem


def lacks(rules):
    for path in files(rules):
        text = path.read_text()
        source = ("correlation",) if is_correlation(text) else ("logsource", "    definition")
        for key in ("title", "id", "description", "author", "tags", *source, "falsepositives", "level"):
            if not re.search(rf"^{key}:", text, re.M):
                yield f"{path.name} has no {key.strip()}"


def is_correlation(text):
    return re.search(r"^correlation:", text, re.M)


def counted(rules):
    """Names of the rules that a correlation counts; one without a hit of its own may be silent."""
    names = dict(ids(rules))
    for path in files(rules):
        text = path.read_text()
        if is_correlation(text):
            yield from (names[i] for i in re.findall(r"^ +- ([0-9a-f-]{36})\b", text, re.M))


def untested(rules):
    for path in files(rules):
        tests = path.with_name(path.stem + ".test.yml")
        text = tests.read_text() if tests.exists() else ""
        if path.stem not in set(counted(rules)) and not re.search(r'hits: *(\[\"|\n)', text):
            yield f"{path.name} has no test that hits"
        if path.stem not in set(counted(rules)) and ": []" not in text:
            yield f"{path.name} has no test that must not hit"


def unknown_audit_rules(rules):
    known = (rules / "aulert.rules").read_text().splitlines()
    for path in files(rules):
        for line in re.findall(r"^ +(-a .*)$", path.read_text(), re.M):
            if line not in known:
                yield f"{path.name}: not in aulert.rules: {line}"


def hits(aulert, rules, capture):
    cmd = [aulert, "test", "--rules", str(rules), "--format", "tsv", str(capture)]
    p = subprocess.run(cmd, capture_output=True, timeout=120, check=False, text=True)
    if p.returncode > 1:
        sys.exit(f"{capture}: exit status {p.returncode}\n{p.stderr}")
    return [line.split("\t") for line in p.stdout.splitlines()]


def main():
    aulert, rules, expected = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    names = dict(ids(rules))
    got = []
    for directory in map(pathlib.Path, sys.argv[4:]):
        for capture in sorted(directory.glob("*.log")):
            got += [f"{directory.name}/{capture.name} {names[r]} {event}" for r, event in hits(aulert, rules, capture)]
    got.sort()
    if os.environ.get("WRITE_GOLDEN"):
        expected.write_text("".join(line + "\n" for line in got))
    want = expected.read_text().splitlines()
    problems = [*lacks(rules), *untested(rules), *unknown_audit_rules(rules)]
    problems += [f"missing: {line}" for line in sorted(set(want) - set(got))]
    problems += [f"too much: {line}" for line in sorted(set(got) - set(want))]
    problems += [f"{name}: finds nothing" for name in sorted(set(names.values()) - set(counted(rules)) - {line.split()[1] for line in got})]
    print("\n".join(problems) or f"{len(got)} hits of {len(names)} rules are right")
    return 1 if problems or not got else 0


if __name__ == "__main__":
    sys.exit(main())
