#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs cases of Sigma rules: NAME.yml over NAME.log gives exactly NAME.hits.

Usage: run-cases.py AULERT DIRECTORY...

NAME.rejected lists rules (by id) or files that must be refused, NAME.expand holds placeholders, NAME.opts more options of
`aulert test`. Each case runs twice: compiled, and with --plain, which must give the same. A directory that does not exist is passed
over; no case at all is a failure.
"""
import pathlib
import subprocess
import sys


def command(aulert, base, extra):
    cmd = [aulert, "test", "--rules", f"{base}.yml", "--format", "tsv", *extra]
    if pathlib.Path(f"{base}.expand").exists():
        cmd += ["--expand", f"{base}.expand"]
    options = pathlib.Path(f"{base}.opts")
    if options.exists():
        cmd += options.read_text().split()
    return cmd + [f"{base}.log"]


def problems(aulert, base, extra):
    want = pathlib.Path(f"{base}.hits").read_bytes()
    rejected = pathlib.Path(f"{base}.rejected")
    refused = rejected.read_text().split() if rejected.exists() else []
    p = subprocess.run(command(aulert, base, extra), capture_output=True, timeout=120, check=False)
    errors = [line for line in p.stderr.decode(errors="replace").splitlines() if ": error: " in line]
    if p.stdout != want:
        yield f"hits differ: got {p.stdout!r}, want {want!r}"
    for name in refused:
        if not any(name in line for line in errors):
            yield f"{name} was not refused"
    if not refused and errors:
        yield f"unexpected: {errors}"
    status = 2 if refused else 0 if want else 1
    if p.returncode != status:
        yield f"exit status {p.returncode}, want {status}"


def main():
    aulert, directories = sys.argv[1], sys.argv[2:]
    n = bad = 0
    for directory in map(pathlib.Path, directories):
        for rule in sorted(directory.glob("*.yml")):
            for extra in ([], ["--plain"]):
                n += 1
                for problem in problems(aulert, rule.with_suffix(""), extra):
                    bad += 1
                    print(f"{rule.name} {' '.join(extra)}: {problem}")
    print(f"{n} runs, {bad} problems")
    return 1 if bad or not n else 0


if __name__ == "__main__":
    sys.exit(main())
