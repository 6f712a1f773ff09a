#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile input: at most 2.1 times the instructions for twice the input, bounded memory, every record accounted for.

linear.py BUILD COMMAND [CASE...]. Counts instructions, never time, so that it says the same on a busy machine. `make bench` does the same
with more input. The `records` listing is compared with libauparse's, at a size that libauparse can manage.
"""
import json
import os
import pathlib
import shutil
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(TOP / 'bench'), str(TOP / 'test' / 'lib')]
import benchlib  # noqa: E402
import hostile  # noqa: E402
import tap  # noqa: E402

GROWTH = 2.1
UIDS = 2.0
RSS_MIB = 64
# Those that fill some table or buffer to its limit; the others never hold much.
MEMORY = ('interleave', 'never-ends', 'backwards', 'nodes', 'huge', 'long-line', 'big-open', 'fields-different',
          'uids-many', 'lost-titles', 'late-one', 'values', 'types')


class Hostile:
    def __init__(self, build, command):
        self.b = benchlib.Bench(build, f'hostile-{command}')
        self.start = {}
        self.input = self.b.path('input')
        self.output = self.b.path('output')

    def work(self, words, name, n):
        argv = [self.b.aulert, *words]
        key = ' '.join(words)
        if key not in self.start:
            self.start[key] = self.b.instructions(argv)
        hostile.write(name, n, self.input)
        return self.b.instructions(argv, self.input) - self.start[key]

    def linear(self, words, name):
        n, full = hostile.CASES[name].count, hostile.CASES[name].full

        def grows():
            before = self.work(words, name, full) if full else 0
            once, twice = (self.work(words, name, full + k * n) - before for k in (1, 2))
            said = f'{name}: {once} instructions for N = {n}, {twice} for 2N: {twice / once:.2f} times as many'
            return said if twice > GROWTH * once else None
        tap.expect_once(grows)

    def listing(self, name):
        hostile.write(name, hostile.CASES[name].few, self.input)
        expected = self.b.path('expected')
        self.b.cost([self.b.tool('ex1'), '--feed-lines'], self.input, expected)
        self.b.cost([self.b.aulert, 'records'], self.input, self.output)
        with open(expected, 'rb') as left, open(self.output, 'rb') as right:
            tap.expect(left.read() == right.read(), f'{expected} and {self.output} differ')

    def complete(self, name):
        case = hostile.CASES[name]
        hostile.write(name, case.count, self.input)
        self.b.cost([self.b.aulert, 'events', '--format', 'json'], self.input, self.output)
        with open(self.output, 'rb') as f:
            n = sum(len(json.loads(line)['records']) for line in f)
        if case.out:
            tap.expect_equal(n, case.out(case.count), 'records delivered')

    def memory(self, words, name):
        hostile.write(name, hostile.CASES[name].big, self.input)
        used = self.b.cost([self.b.aulert, *words], self.input, self.output).rss_kib / 1024
        tap.expect(used < RSS_MIB, f'{used:.1f} MiB of memory at N = {hostile.CASES[name].big}')

    def unknown_ids(self, words):
        n = hostile.CASES['uids-many'].count
        one, many = self.work(words, 'uids-one', n), self.work(words, 'uids-many', n)
        tap.expect(many <= UIDS * one, f'{one} instructions with one unknown id, {many} with {n // 2}')


    def sees_growth(self):
        """libauparse goes through all open events for every record: if that is not seen, nothing is."""
        cost = []
        for n in 700, 1400:
            hostile.write('interleave', n, self.input)
            cost.append(self.b.instructions([self.b.tool('ex1'), '--feed-lines'], self.input))
        tap.expect(cost[1] > 1.3 * GROWTH * cost[0], f'libauparse took {cost[0]} and {cost[1]} instructions')


COMMANDS = {'records': ['records'], 'events': ['events', '--format', 'json']}


def cases_of(h, command):
    words = COMMANDS[command]
    if command == 'records':
        yield 'the measure sees what is not linear', h.sees_growth
    for name, case in hostile.CASES.items():
        yield f'{command} {name}: linear ({case.why})', lambda name=name: h.linear(words, name)
        if command == 'records':
            yield f'{command} {name}: as libauparse lists it', lambda name=name: h.listing(name)
        if command == 'events':
            yield f'{command} {name}: complete', lambda name=name: h.complete(name)
    yield f'{command}: many unknown ids cost at most twice one', lambda: h.unknown_ids(words)
    for name in MEMORY:
        yield f'{command} {name}: memory', lambda name=name: h.memory(words, name)


def main():
    if not shutil.which('valgrind'):
        tap.skip_all('valgrind is not installed (Debian: apt-get install valgrind)')
    build, command, only = sys.argv[1], sys.argv[2], sys.argv[3:]
    h = Hostile(build, command)
    cases = [(name, case) for name, case in cases_of(h, command) if not only or any(o in name for o in only)]
    status = tap.run_cases(cases)
    if status == 0:
        for path in h.input, h.output:
            if os.path.exists(path):
                os.unlink(path)
    return status


if __name__ == '__main__':
    sys.exit(main())
