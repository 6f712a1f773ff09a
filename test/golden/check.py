#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Golden triples: NAME.log in, NAME.events.json and NAME.alerts.json out.

check.py AULERT RULES-DIR. Every line must be JSON, and every record of the log must be in the events or be counted as dropped.
WRITE_GOLDEN=1 rewrites what is expected: read the difference before you commit it.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'lib'))
import forged  # noqa: E402
import tap  # noqa: E402

WRITE = os.environ.get('WRITE_GOLDEN') == '1'


def run(aulert, *args):
    done = subprocess.run([aulert, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=tap.PATIENCE, check=False,
                          env={'PATH': os.environ['PATH'], 'TZ': 'UTC', 'LC_ALL': 'C.UTF-8'})
    tap.expect(done.returncode in (0, 1), f'{args}: exit {done.returncode}: {done.stderr.decode()}')
    return done.stdout.decode('utf-8', errors='strict'), done.stderr.decode('utf-8', errors='strict')


def lines_of(text, what):
    """Each line parsed; keys that come twice, bare control bytes and NaN are errors."""
    def pairs(items):
        keys = [key for key, _ in items]
        tap.expect(len(keys) == len(set(keys)), f'{what}: a key comes twice: {keys}')
        return dict(items)

    def constant(name):
        raise tap.Failure(f'{what}: {name} is not JSON')

    return [json.loads(line, object_pairs_hook=pairs, parse_constant=constant) for line in text.splitlines()]


def compare(path, got):
    if WRITE:
        path.write_text(got, encoding='utf-8')
        return
    tap.expect(path.exists(), f'{path.name} is missing: run with WRITE_GOLDEN=1 and read what it wrote')
    wanted = path.read_text(encoding='utf-8')
    for number, (a, b) in enumerate(zip(got.splitlines(), wanted.splitlines()), 1):
        tap.expect(a == b, f'{path.name}:{number} differs\n  got    {a}\n  wanted {b}')
    tap.expect_equal(len(got.splitlines()), len(wanted.splitlines()), f'lines of {path.name}')


def records_in(log):
    """Lines that are records, and not forged; EOE records that stand alone are consumed. Counted from the text, not by aulert."""
    seen, count = set(), 0
    for line in forged.without_forged(log.read_bytes()).split(b'\n')[:-1]:
        found = re.match(rb'(?:node=(\S+) )?type=(\S{1,31}) msg=audit\((\d+\.\d{1,3}:\d+)\):', line.split(b'\0')[0])
        if not found:
            continue
        key = found.group(1), found.group(3)
        if found.group(2) == b'EOE' and key not in seen:
            continue
        seen.add(key)
        if found.group(2) in (b'PROCTITLE', b'EOE'):
            seen.discard(key)
        count += 1
    return count


def check_events(aulert, log):
    text, _ = run(aulert, 'events', '--format', 'json', str(log))
    events = lines_of(text, log.name)
    tap.expect_equal(sum(len(event['records']) for event in events), records_in(log), f'records out of {log.name}')
    for event in events:
        tap.expect(re.fullmatch(r'\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', event['time']), f'time {event["time"]}')
        tap.expect(event['ended'] in ('terminal', 'timeout', 'eof', 'limit'), f'ended {event["ended"]}')
    compare(log.with_suffix('.events.json'), text)


def check_alerts(aulert, rules, log):
    text, _ = run(aulert, 'watch', '--rules', rules, '--format', 'json', str(log))
    lines_of(text, log.name)
    compare(log.with_suffix('.alerts.json'), text)


def main():
    aulert, rules = sys.argv[1:3]
    cases = []
    for log in sorted(HERE.glob('*.log')):
        cases.append((f'{log.stem} events', lambda log=log: check_events(aulert, log)))
        cases.append((f'{log.stem} alerts', lambda log=log: check_alerts(aulert, rules, log)))
    sys.exit(tap.run_cases(cases))


if __name__ == '__main__':
    main()
