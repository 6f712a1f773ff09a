#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The journal sink against a real systemd-journald, which runs in a mount namespace with a /run of its own.

Arguments: AULERT, CAPTURES.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
import jsonl  # noqa: E402
import sinks  # noqa: E402
import tap  # noqa: E402

JOURNALD = '/lib/systemd/systemd-journald'
SOCKET = pathlib.Path('/run/systemd/journal/socket')
# Audit= (empty): it leaves the kernel's audit as it is.
SETTINGS = '[Journal]\nStorage=volatile\nAudit=\nReadKMsg=no\nRateLimitIntervalSec=0\nForwardToWall=no\nForwardToSyslog=no\n'
LEVELS = {'informational': '6', 'low': '5', 'medium': '4', 'high': '3', 'critical': '2'}
NAME = b'm "\n\x1b[31m\xff\xe2\x80\xae end'


def login(serial, level):
    """The user's name says which rule is true."""
    name = level.encode() if level else NAME
    return (f'type=USER_LOGIN msg=audit(1700000000.123:{serial}): pid=1 uid=0 auid=4294967295 ses=4294967295 '
            f"msg='op=login acct={name.hex().upper()} exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.7 terminal=ssh "
            f"res=failed'\n")


def rule(level, number):
    selection = f'acct: {level}' if level != 'high' else 'addr: 192.0.2.7, acct|contains: end'
    return (f'title: Rule {level}\nid: 5d6a3f0e-3c66-4a53-9d4b-4b6e4f0c1a{number:02}\nlevel: {level}\n'
            f'tags: [tag.one, tag.two]\nlogsource: {{product: linux, service: auditd}}\n'
            f'detection: {{s: {{type: USER_LOGIN, {selection}}}, condition: s}}\n')


class Journald:
    def __init__(self):
        self.child = None

    def start(self):
        drop_in = pathlib.Path('/run/systemd/journald.conf.d/test.conf')
        drop_in.parent.mkdir(parents=True, exist_ok=True)
        drop_in.write_text(SETTINGS, encoding='ascii')
        SOCKET.parent.mkdir(parents=True, exist_ok=True)
        SOCKET.unlink(missing_ok=True)
        self.child = subprocess.Popen([JOURNALD], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        tap.wait_for(SOCKET.exists, 'socket of systemd-journald')

    def stop(self):
        if self.child:
            self.child.terminate()
            self.child.wait(tap.PATIENCE)
        self.child = None

    @staticmethod
    def entries(*matches):
        """Of aulert, oldest first."""
        done = subprocess.run(['journalctl', '-D', '/run/log/journal', '-o', 'json', '--all', '--no-pager',
                               'SYSLOG_IDENTIFIER=aulert', *matches], capture_output=True, check=False, timeout=tap.PATIENCE)
        return [json.loads(line) for line in done.stdout.decode().splitlines()]

    def wait(self, n, *matches):
        return tap.wait_for(lambda: len(self.entries(*matches)) >= n and self.entries(*matches), f'{n} entries {matches}')


class Scene:
    def __init__(self, aulert, work):
        self.aulert, self.work = aulert, work
        self.notify = sinks.Notifier(aulert, work)
        self.journald = Journald()
        for number, level in enumerate(LEVELS):
            (work / f'{level}.yml').write_text(rule(level, number), encoding='ascii')

    def run(self, records):
        """Feeds records to aulert run; the alerts as JSON, and what it logged."""
        config, alerts = self.work / 'run.yaml', self.work / 'alerts'
        alerts.unlink(missing_ok=True)
        config.write_text(f'spool: memory\nrules: [{", ".join(f"{self.work}/{level}.yml" for level in LEVELS)}]\n'
                          f'sinks:\n  j: {{type: journal}}\n  f: {{type: file, path: {alerts}}}\n', encoding='ascii')
        def told():
            ids = {alert['id'] for alert in jsonl.read(alerts)}
            return len(ids) >= records.count('\n') and ids <= {entry.get('AULERT_ID') for entry in self.journald.entries()}
        said = sinks.run_until(self.aulert, config, records, told)[1]
        return jsonl.read(alerts), said


def a_test_alert(scene):
    tap.expect_equal(scene.notify('type: journal'), (0, 's: delivered'), 'notify')
    entry = scene.journald.wait(1)[0]
    wanted = {'MESSAGE': 'this is a test alert of aulert', 'PRIORITY': '4', 'AULERT_KIND': 'test',
              'MESSAGE_ID': '9f363c13d2fb4f4384cd60407a18a3cd', 'AULERT_LEVEL': 'medium', 'AULERT_RULE': 'aulert-test',
              'AULERT_TITLE': 'Test alert', '_TRANSPORT': 'journal'}
    tap.expect_equal({name: entry.get(name) for name in wanted}, wanted, 'fields')
    tap.expect('AULERT_EVENT' not in entry and 'AULERT_USER' not in entry, f'an empty field is there: {entry}')


def every_level(scene):
    """Fields of alerts are those of their JSON."""
    alerts, said = scene.run(''.join(login(number, level if level != 'high' else '') for number, level in enumerate(LEVELS, 10)))
    tap.expect_equal(sorted(a['level'] for a in alerts), sorted(LEVELS), f'levels ({said})')
    for alert in alerts:
        entry = scene.journald.wait(1, f'AULERT_ID={alert["id"]}')[0]
        wanted = {'PRIORITY': LEVELS[alert['level']], 'AULERT_LEVEL': alert['level'], 'AULERT_KIND': 'event',
                  'AULERT_RULE': alert['rule']['id'], 'AULERT_TITLE': alert['rule']['title'],
                  'AULERT_EVENT': alert['event'], 'AULERT_ADDR': '192.0.2.7', 'AULERT_RESULT': 'failed',
                  'AULERT_TAG': ['tag.one', 'tag.two']}
        tap.expect_equal({name: entry.get(name) for name in wanted}, wanted, f'fields of {alert["level"]}')


def odd_content(scene):
    """The message is inert; in fields are the alert's bytes (control characters are octal in these already)."""
    entry = scene.journald.wait(1, 'AULERT_LEVEL=high')[0]
    tap.expect(isinstance(entry['MESSAGE'], str) and entry['MESSAGE'].isprintable(), repr(entry['MESSAGE']))
    tap.expect('[31m' in entry['MESSAGE'], entry['MESSAGE'])
    user = entry['AULERT_USER']
    tap.expect_equal(bytes(user) if isinstance(user, list) else user.encode(),
                     b'm "\\012\\033[31m\xff\xe2\x80\xae end', 'AULERT_USER')


def a_burst(scene):
    """More than the socket of the journal holds."""
    already = len(scene.journald.entries('AULERT_LEVEL=low'))
    alerts, said = scene.run(''.join(login(number, 'low') for number in range(1000, 1400)))
    tap.expect_equal(len(alerts), 400, f'alerts ({said})')
    tap.expect('not delivered' not in said, said)
    scene.journald.wait(already + 400, 'AULERT_LEVEL=low')


def down_and_up(scene):
    scene.journald.stop()
    status, said = scene.notify('type: journal')
    tap.expect_equal((status, said), (1, 's: not delivered: there is no journal: systemd-journald does not run'),
                     'without a journald')
    scene.journald.start()
    already = len(scene.journald.entries('AULERT_KIND=test'))
    tap.expect_equal(scene.notify('type: journal'), (0, 's: delivered'), 'with another journald')
    scene.journald.wait(already + 1, 'AULERT_KIND=test')


def main():
    aulert = os.path.abspath(sys.argv[1])
    sinks.in_namespace()
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o777)  # the process that delivers is a user of its own
        subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', '/run'], check=True)
        scene = Scene(aulert, pathlib.Path(work))
        scene.journald.start()
        try:
            return tap.run_cases([(case.__name__.replace('_', ' '), lambda case=case: case(scene))
                                  for case in (a_test_alert, every_level, odd_content, a_burst, down_and_up)])
        finally:
            scene.journald.stop()


if __name__ == '__main__':
    sys.exit(main())
