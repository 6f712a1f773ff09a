#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The generated capture: the same from the same seed, and in the proportions of the recorded one that it follows.

test-generator.py GEN_CAPTURE CAPTURE. Expected shares: 115,852 events in 477,960 records, 105 MB; see bench/mix.h.
"""
import collections
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'test' / 'lib'))
sys.dont_write_bytecode = True
import tap  # noqa: E402

RECORDS = 60000
EVENTS_IN_RECORD = 115852 / 477960
HEAD = re.compile(rb'type=(\S+) msg=audit\((\d+\.\d+:\d+)\): ')


def generate(*options):
    return subprocess.run([sys.argv[1], *options], stdout=subprocess.PIPE, check=True).stdout


def heads(text):
    for line in text.splitlines():
        found = HEAD.match(line)
        tap.expect(found, f'no record: {line[:80]!r}')
        yield found.group(1).decode(), found.group(2)


def near(got, wanted, share, what):
    tap.expect(abs(got - wanted) <= share * wanted, f'{what}: {got:g}, wanted {wanted:g} within {100 * share:g} %')


def same_seed():
    one = generate('--records', '5000')
    tap.expect_equal(generate('--records', '5000', '--seed', '1'), one, 'seed 1, again')
    tap.expect(generate('--records', '5000', '--seed', '2') != one, 'seed 2 gives what seed 1 gives')


def proportions():
    text = generate('--records', str(RECORDS))
    types, n_of, split, last = collections.Counter(), collections.Counter(), set(), None
    for kind, event in heads(text):
        types[kind] += 1
        if event != last and event in n_of:
            split.add(event)
        n_of[event] += 1
        last = event
    near(len(n_of) / RECORDS, EVENTS_IN_RECORD, 0.02, 'events in a record')
    near(len(text) / RECORDS, 105e6 / 477960, 0.05, 'bytes in a record')
    near(len(split) / len(n_of), 8618 / 115852, 0.15, 'share of events that are not contiguous')
    near(types['EXECVE'] / len(n_of), 5500 / 115852, 0.15, 'programs started in an event')
    near(types['SOCKADDR'] / len(n_of), 1601 / 115852, 0.25, 'socket addresses in an event')
    near(types['PATH'] / len(n_of), 123308 / 115852, 0.03, 'paths in an event')


def raw_and_enriched():
    raw, enriched = generate('--records', '5000', '--raw'), generate('--records', '5000')
    tap.expect(b'\x1d' not in raw, 'RAW has what auditd adds')
    tap.expect_equal(re.sub(rb'\x1d.*', b'', enriched), raw, 'ENRICHED without what auditd adds')


def end_of_event():
    kinds = collections.defaultdict(list)
    for kind, event in heads(generate('--records', '5000', '--eoe')):
        kinds[event].append(kind)
    for event, of in kinds.items():
        tap.expect_equal(of.count('EOE'), int(len(of) > 1), f'EOE records of {event}')
        tap.expect(of[-1] == 'EOE' or len(of) == 1, f'{event} goes on after its EOE')


def replay():
    with open(sys.argv[2], 'rb') as f:
        once = f.read()
    n, again = once.count(b'\n'), generate('--replay', '--records', str(3 * once.count(b'\n')), sys.argv[2])
    tap.expect_equal(again[:len(once)], once, 'the first pass')
    events = [event for _, event in heads(again)]
    passes = [set(events[i * n:(i + 1) * n]) for i in range(3)]
    tap.expect_equal(len(set.union(*passes)), 3 * len(passes[0]), 'events in three passes')
    tap.expect_equal(len(events), 3 * n, 'records in three passes')


if __name__ == '__main__':
    sys.exit(tap.run_cases([
        ('the same seed gives the same bytes', same_seed),
        ('the mix is that of the recorded capture', proportions),
        ('RAW is ENRICHED without what auditd adds', raw_and_enriched),
        ('one EOE ends every event of several records', end_of_event),
        ('replay makes new events of every pass', replay),
    ]))
