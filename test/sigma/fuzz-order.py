#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Correlations over random events that complete out of order by up to two seconds, against a slow evaluator in Python.

Usage: fuzz-order.py AULERT [ROUNDS [SEED]]

The evaluator looks at the events in order, at each one back over the whole timespan, as the specification words it. What
aulert says must be that, whether the stream is in order or not, and each hit must come once. A second part holds an open,
silent stream: what nothing can take back must be told without waiting for more.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

RULES = ['a', 'b', 'c']
OPS = {'gte': lambda x, y: x >= y, 'gt': lambda x, y: x > y, 'lt': lambda x, y: x < y, 'lte': lambda x, y: x <= y,
       'eq': lambda x, y: x == y, 'neq': lambda x, y: x != y}
BASE = 1700000000000


class Event:
    def __init__(self, r, number, at):
        self.number, self.at = number, at
        self.rules = r.sample(RULES, r.choice([1, 1, 1, 2]))
        self.acct = r.choice('xyz')
        self.id = r.randrange(4)
        self.late = at + r.choice([0, 0, r.randrange(1900), 2000])

    def name(self):
        return f'{(BASE + self.at) // 1000}.{(BASE + self.at) % 1000:03}:{self.number}'

    def line(self):
        return f'type=USER_CMD msg=audit({self.name()}): pid=1 acct="{self.acct}" id={self.id} cmd="{"".join(self.rules)}"'


def documents(r):
    docs = [{'title': x, 'name': x, 'id': x, 'logsource': {'product': 'linux', 'service': 'auditd'},
             'detection': {'s': {'cmd|contains': x}, 'condition': 's'}} for x in RULES]
    for n in range(8):
        kind = r.choice(['event_count', 'event_count', 'value_count', 'temporal', 'temporal_ordered', 'value_sum'])
        inner = [d['id'] for d in docs if d['id'].startswith('k')]
        rules = r.sample(RULES, r.choice([2, 3])) if kind.startswith('temporal') else r.sample(RULES, r.choice([1, 2]))
        if kind == 'event_count' and inner and r.random() < 0.4:
            rules = [r.choice(inner)]
        c = {'type': kind, 'rules': rules, 'timespan': f'{r.randrange(1, 6)}s', 'generate': True,
             'group-by': r.choice([['acct'], ['acct'], []])}
        if not c['group-by']:
            del c['group-by']
        if kind in ('event_count', 'value_count', 'value_sum'):
            op = r.choice(['gte', 'gte', 'gt', 'lt', 'eq', 'lte', 'neq'])
            c['condition'] = {op: r.randrange(1, 5)}
            if kind != 'event_count':
                c['condition']['field'] = 'id'
        docs.append({'title': f'k{n}', 'name': f'k{n}', 'id': f'k{n}', 'correlation': c})
    return docs


def judge(c, fired, events):
    """Ids of the events at which the correlation fires, with the group, in order."""
    span = int(c['timespan'][:-1]) * 1000
    members, out = [], []
    for e in events:
        new = []
        for ref in c['rules']:
            if ref in RULES:
                new += [(e, ref)] if ref in e.rules else []
            else:
                new += [(e, ref)] if any(x is e for x, _ in fired[ref]) else []
        members += new
        if not new:
            continue
        group = e.acct if 'group-by' in c else None
        window = [(x, ref) for x, ref in members if x.at >= e.at - span and (group is None or x.acct == group)]
        kind = c['type']
        if kind == 'event_count':
            value = len({id(x) for x, _ in window})
        elif kind == 'value_count':
            value = len({x.id for x, _ in window})
        elif kind == 'value_sum':
            value = sum(x.id for x, _ in window)
        elif kind == 'temporal':
            value = None
            holds = {ref for _, ref in window} >= set(c['rules'])
        else:
            value = None
            holds = ordered(window, c['rules'], e)
        if value is not None:
            (op, number), = [(k, v) for k, v in c['condition'].items() if k != 'field']
            holds = OPS[op](value, number)
        if holds:
            out.append((e, group))
    return out


def ordered(window, rules, last):
    """e1 < e2 < … < en = last, each of its rule; the window is in order."""
    if (last, rules[-1]) not in [(x, r) for x, r in window]:
        return False
    best = -1  # place of the chain so far: as early as it can be
    places = {}
    order = []
    for x, _ in window:
        if id(x) not in places:
            places[id(x)] = len(order)
            order.append(x)
    for rule in rules[:-1]:
        following = [places[id(x)] for x, r in window if r == rule and places[id(x)] > best]
        if not following:
            return False
        best = min(following)
    return best < places[id(last)]


def run(aulert, directory, lines, *extra):
    (directory / 'e.log').write_text(''.join(line + '\n' for line in lines))
    p = subprocess.run([aulert, 'test', '--rules', str(directory / 'r.yml'), *extra, str(directory / 'e.log')],
                       capture_output=True, timeout=120, check=False)
    if p.returncode not in (0, 1):
        raise SystemExit(p.stderr.decode())
    return p.stdout.decode().splitlines()


def one(aulert, directory, r):
    docs = documents(r)
    (directory / 'r.yml').write_text('\n---\n'.join(json.dumps(d) for d in docs) + '\n')
    at, events = 0, []
    for n in range(60):
        at += r.choice([0, 1, 100, 400, 900, 2500])
        events.append(Event(r, n, at))
    fired, wanted = {}, set()
    for d in docs[len(RULES):]:
        fired[d['id']] = judge(d['correlation'], fired, events)
        wanted |= {f'{d["id"]}\t{e.name()}' for e, _ in fired[d['id']]}
    for lines, how in ((events, 'in order'), (sorted(events, key=lambda e: e.late), 'out of order')):
        got = [g for g in run(aulert, directory, [e.line() for e in lines], '--format', 'tsv') if g.startswith('k')]
        twice = run(aulert, directory, [e.line() for e in lines], '--format', 'json')
        n_json = sum('"k' in line for line in twice)
        if set(got) != wanted or n_json != len(wanted):
            print(f'{how}: missing {sorted(wanted - set(got))[:4]}, too much {sorted(set(got) - wanted)[:4]}, '
                  f'{n_json} hits told for {len(wanted)}; see {directory}')
            return None
    return len(wanted)


def silent(aulert, directory):
    """A stream that stays open and says nothing more: the fifth failure is told at once, a `lt` is not."""
    docs = [{'title': 'a', 'name': 'a', 'id': 'a', 'logsource': {'product': 'linux'}, 'detection': {'s': {'cmd': 'a'}, 'condition': 's'}},
            {'title': 'five', 'id': 'five', 'correlation': {'type': 'event_count', 'rules': ['a'], 'timespan': '1m', 'condition': {'gte': 5}}}]
    (directory / 'r.yml').write_text('\n---\n'.join(json.dumps(d) for d in docs) + '\n')
    p = subprocess.Popen([aulert, 'watch', '--format', 'json', '--rules', str(directory / 'r.yml')], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for n in range(5):
        p.stdin.write(f'type=USER_CMD msg=audit(1700000000.{n:03}:{n}): cmd="a"\n'.encode())
    p.stdin.flush()
    line = p.stdout.readline()  # the stream is open: a hit that waits for a later time stamp would never come
    p.stdin.close()
    rest = p.stdout.read()
    p.wait(120)
    return b'"five"' in line and b'.004:4' in line and not rest


def main():
    aulert, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    total = 0
    for n in range(seed, seed + rounds):
        directory = pathlib.Path(tempfile.mkdtemp(prefix='aulert-order-'))
        found = one(aulert, directory, random.Random(n))
        if found is None:
            print(f'seed {n}')
            return 1
        total += found
        for path in directory.iterdir():
            path.unlink()
        directory.rmdir()
    with tempfile.TemporaryDirectory() as directory:
        if not silent(aulert, pathlib.Path(directory)):
            print('an open, silent stream: the fifth event was not told')
            return 1
    print(f'{rounds} rounds, {total} hits as the plain evaluator has them, in and out of order')
    return 0 if total > rounds * 20 else 1


if __name__ == '__main__':
    sys.exit(main())
