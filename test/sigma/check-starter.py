#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the starter rules over real captures and compares with what they must find.

Usage: check-starter.py AULERT RULES EXPECTED DIRECTORY...

EXPECTED has lines "capture rule event", sorted, the rule by the name of its file. Every rule must find something somewhere, and every
rule file must say what it needs, when it is wrong, and how severe it is. WRITE_GOLDEN=1 rewrites EXPECTED: read the difference.
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
        for key in ("title", "id", "description", "author", "tags", "logsource", "    definition", "falsepositives", "level"):
            if not re.search(rf"^{key}:", text, re.M):
                yield f"{path.name} has no {key.strip()}"


def hits(aulert, rules, capture):
    cmd = [aulert, "test", "--rules", str(rules), "--format", "tsv", str(capture)]
    p = subprocess.run(cmd, capture_output=True, timeout=60, check=False, text=True)
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
    problems = list(lacks(rules))
    problems += [f"missing: {line}" for line in sorted(set(want) - set(got))]
    problems += [f"too much: {line}" for line in sorted(set(got) - set(want))]
    problems += [f"{name}: finds nothing" for name in sorted(set(names.values()) - {line.split()[1] for line in got})]
    print("\n".join(problems) or f"{len(got)} hits of {len(names)} rules are right")
    return 1 if problems or not got else 0


if __name__ == "__main__":
    sys.exit(main())
