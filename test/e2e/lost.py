#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records that the kernel drops are counted, shown, and an alert; who cannot ask the kernel says so."""
import ctypes
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import machine  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

AULERT = os.environ['AULERT']
AUDIT_USER = 1005
RULES = {'a.yml': service.RULE.format(id='00000000-0000-4000-8000-000000000001', key='touched')}
MORE = 'status: { socket: WORK/socket, losses: 1s }\nmetrics: { file: WORK/aulert.prom, every: 1s }\n'
LIBAUDIT = ctypes.CDLL('libaudit.so.1', use_errno=True)


def state(s):
    return machine.status(AULERT, s.config)


def say_too_much():
    """More records in a second than the kernel's rate limit of one."""
    fd = LIBAUDIT.audit_open()
    tap.expect(fd >= 0, 'audit_open')
    machine.run('auditctl', '-r', '1')
    try:
        for _ in range(50):
            LIBAUDIT.audit_log_user_message(fd, AUDIT_USER, b'too much', None, None, None, 1)
    finally:
        machine.run('auditctl', '-r', '0')
        os.close(fd)


def kernel_losses():
    with machine.auditing(), service.service(AULERT, rules=RULES, more=MORE) as s:
        s.wait_ready()
        tap.wait_for(lambda: 'lost_since_boot' in state(s)['kernel'], "the kernel's count")
        before = machine.audit_status()['lost']
        tap.expect_equal(state(s)['kernel']['lost_since_boot'], before, 'lost since boot, as auditctl says')
        say_too_much()
        lost = machine.audit_status()['lost'] - before
        tap.expect(lost > 0, 'the kernel has dropped nothing')
        tap.wait_for(lambda: {row['name']: row['value'] for row in state(s)['losses']}.get('kernel_lost') == lost, f'{lost} among the losses')
        alert = tap.wait_for(lambda: s.own('aulert-losses'), 'alert')[0]
        told = re.search(r'(\d+) records that the kernel has dropped', alert['sentence'])
        tap.expect(told and 0 < int(told[1]) <= lost, alert['sentence'])
        metrics = s.work / 'aulert.prom'
        tap.wait_for(lambda: metrics.exists() and f'aulert_kernel_lost_total{{role="supervisor"}} {lost}\n' in metrics.read_text(), 'metrics')
        s.end()


def unknown_is_not_zero():
    """Without CAP_AUDIT_CONTROL, as in a container."""
    with machine.workdir() as work:
        os.chmod(work, 0o777)
        script = work / 'without'
        script.write_text(f'#!/bin/sh\nexec setpriv --bounding-set=-audit_control --inh-caps=-audit_control {AULERT} "$@"\n')
        script.chmod(0o755)
        s = service.Service(work, script, RULES, more=MORE)
        try:
            s.wait_ready()
            said = tap.wait_for(lambda: next((x for x in [state(s)] if x['kernel'].get('unknown') == 'Operation not permitted'), None),
                                'word that it is not known')
            tap.expect('kernel_lost' not in said['processes'][0]['counters'], f'{said["processes"][0]}')
            s.end()
        finally:
            s.stop()


def main():
    machine.need('auditctl', 'setpriv')
    with machine.lock():
        machine.need_audit()
        return tap.run_cases([
            ('what the kernel drops is counted, shown and told', kernel_losses),
            ('what is not known is not zero', unknown_is_not_zero),
        ])


if __name__ == '__main__':
    sys.exit(main())
