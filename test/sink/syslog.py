#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The syslog sink against a real rsyslogd, over a Unix socket, TCP and TLS. Arguments: AULERT, CAPTURES."""
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
import jsonl  # noqa: E402
import sinks  # noqa: E402
import tap  # noqa: E402

ODD = ['comm-odd', 'sudo-cmd-odd', 'ssh-unknown-user']
NAME = b'm "]\\\n<34>1 - - \x00\x1b[31m\xff\xe2\x80\xae end'
LOGIN = ('type=USER_LOGIN msg=audit(1700000000.123:77): pid=1 uid=0 auid=4294967295 ses=4294967295 '
         f"msg='op=login acct={NAME.hex().upper()} exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.7 terminal=ssh res=failed'\n")
TITLE = 'odd "title" ]\\ [x="y"] \u202e\u200b <34>1 end'
RULE = f'''title: {json.dumps(TITLE)}
id: 5d6a3f0e-3c66-4a53-9d4b-4b6e4f0c1a11
level: high
tags: [odd.tag]
logsource: {{product: linux, service: auditd}}
detection: {{s: {{type: [SYSCALL, USER_LOGIN, USER_AUTH, USER_CMD]}}, condition: s}}
'''
CONFIG = '''
global(workDirectory="{work}" maxMessageSize="16k" defaultNetstreamDriverCAFile="{work}/ca.pem"
       defaultNetstreamDriverCertFile="{work}/server.pem" defaultNetstreamDriverKeyFile="{work}/server.key")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{work}/log" UseSpecialParser="off" IgnoreTimestamp="off" RateLimit.Interval="0")
input(type="imuxsock" Socket="{work}/local" RateLimit.Interval="0")
module(load="imtcp")
input(type="imtcp" port="{tcp}" address="127.0.0.1")
input(type="imtcp" port="{tls}" address="127.0.0.1" StreamDriver.Name="gtls" StreamDriver.Mode="1"
      StreamDriver.AuthMode="anon")
input(type="imtcp" port="{mutual}" address="127.0.0.1" StreamDriver.Name="gtls" StreamDriver.Mode="1"
      StreamDriver.AuthMode="x509/certvalid")
template(name="json" type="list" option.jsonf="on") {{
  property(name="pri" outname="pri" format="jsonf")
  property(name="timereported" outname="time" dateFormat="rfc3339" format="jsonf")
  property(name="hostname" outname="host" format="jsonf")
  property(name="app-name" outname="app" format="jsonf")
  property(name="msgid" outname="msgid" format="jsonf")
  property(name="structured-data" outname="data" format="jsonf")
  property(name="msg" outname="msg" format="jsonf")
}}
action(type="omfile" file="{work}/out" template="json")
'''


def free_ports(n):
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in held:
            one.bind(('127.0.0.1', 0))
        return [one.getsockname()[1] for one in held]


def make_certificates(work):
    """Authorities ca and other; server.pem for the name localhost; client.pem."""
    def openssl(*args):
        subprocess.run(['openssl', *args], check=True, capture_output=True, cwd=work)
    for name in ('ca', 'other'):
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
                '-subj', f'/CN=test {name}', '-keyout', f'{name}.key', '-out', f'{name}.pem')
    for name in ('server', 'client'):
        (work / 'ext').write_text('subjectAltName=DNS:localhost\n', encoding='ascii')
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', f'/CN={name}',
                '-keyout', f'{name}.key', '-out', f'{name}.csr')
        openssl('x509', '-req', '-days', '2', '-in', f'{name}.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key',
                '-CAcreateserial', '-extfile', 'ext', '-out', f'{name}.pem')


class Rsyslogd:
    def __init__(self, work):
        self.work = work
        self.ports = dict(zip(('tcp', 'tls', 'mutual'), free_ports(3)))
        (work / 'rsyslog.conf').write_text(CONFIG.format(work=work, **self.ports), encoding='ascii')
        self.child = None

    def start(self):
        self.child = subprocess.Popen(['rsyslogd', '-n', '-f', self.work / 'rsyslog.conf', '-i', self.work / 'pid'],
                                      stdout=subprocess.DEVNULL, stderr=open(self.work / 'rsyslogd', 'ab'))
        for port in self.ports.values():
            tap.wait_for(lambda port=port: self.listens(port), f'rsyslogd on port {port}')
        tap.wait_for((self.work / 'local').exists, 'Unix socket of rsyslogd')

    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', port)) == 0

    def stop(self):
        if self.child:
            self.child.terminate()
            self.child.wait(tap.PATIENCE)
        self.child = None

    def messages(self):
        """Those of aulert, so far."""
        path = self.work / 'out'
        if not path.exists():
            return []
        lines = path.read_text(encoding='utf-8', errors='replace').split('\n')[:-1]
        return [m for m in map(json.loads, lines) if m['app'] == 'aulert']

    def wait(self, n, already):
        return tap.wait_for(lambda: len(self.messages()) >= already + n and self.messages()[already:], f'{n} messages in rsyslogd')


def data_of(message):
    """(SD-ID, {name: [values]}) of structured data, strictly as RFC 5424 has it."""
    found = re.fullmatch(r'\[([^ =\]"]+)((?: [^ =\]"]+="(?:[^"\\\]]|\\["\\\]])*")*)\]', message['data'])
    tap.expect(found, f'no structured data: {message["data"]}')
    values = {}
    for name, value in re.findall(r' ([^ =\]"]+)="((?:[^"\\\]]|\\.)*)"', found.group(2)):
        values.setdefault(name, []).append(re.sub(r'\\(["\\\]])', r'\1', value))
    return found.group(1), values


class Scene:
    def __init__(self, aulert, captures, work):
        self.aulert, self.work = aulert, work
        self.notify = sinks.Notifier(aulert, work)
        self.log = b''.join((captures / 'enriched' / f'{name}.log').read_bytes() for name in ODD) + LOGIN.encode()
        (work / 'rule.yml').write_text(RULE, encoding='utf-8')
        make_certificates(work)
        self.server = Rsyslogd(work)

    def address(self, kind, host='localhost'):
        return f'{"tcp" if kind == "tcp" else "tls"}://{host}:{self.server.ports[kind]}'

    @contextlib.contextmanager
    def running(self, settings):
        """An aulert run, with a pipe to its stdin; a file sink beside the syslog sink."""
        config = self.work / 'run.yaml'
        (self.work / 'alerts').unlink(missing_ok=True)
        config.write_text(f'spool: memory\nrules: {self.work}/rule.yml\nsinks:\n  s: {{type: syslog, {settings}}}\n'
                          f'  f: {{type: file, path: {self.work}/alerts}}\n', encoding='utf-8')
        with open(self.work / 'run.log', 'wb') as log:
            child = subprocess.Popen([self.aulert, 'run', str(config)], stdin=subprocess.PIPE, stderr=log)
        try:
            yield child
            child.stdin.close()
            tap.expect_equal(child.wait(tap.PATIENCE), 0, f'exit status of aulert run ({self.said()})')
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()

    def said(self):
        if not (self.work / 'run.log').exists():
            return ''
        return (self.work / 'run.log').read_text(encoding='utf-8', errors='replace')

    def alerts(self):
        return jsonl.read(self.work / 'alerts')


def odd_content(scene, settings):
    """Whatever stands in records and rules: one message an alert, inert, the same as in the file."""
    already = len(scene.server.messages())
    with scene.running(settings) as child:
        child.stdin.write(scene.log)
        child.stdin.flush()
        settled(scene, already)  # the end waits for no more than a second
        tap.expect(len(scene.alerts()) > 10, f'{len(scene.alerts())} alerts')
        child.stdin.close()
        child.wait(tap.PATIENCE)
        alerts = {alert['id']: alert for alert in scene.alerts()}
        messages = scene.server.wait(len(alerts), already)
    tap.expect_equal(len(messages), len(alerts), 'messages')
    tap.expect(any(not alert['sentence'].isprintable() or '\\' in alert['sentence'] for alert in alerts.values()),
               'nothing odd is in the alerts')
    for message in messages:
        sd_id, data = data_of(message)
        alert = alerts.pop(data['id'][0])
        tap.expect_equal(sd_id, 'aulert@32473', 'SD-ID')
        tap.expect_equal(message['pri'], '83', 'PRI of a high alert (authpriv)')
        tap.expect_equal(message['msgid'], 'event', 'MSGID')
        tap.expect_equal(message['time'], alert['time'], 'time')
        tap.expect_equal(data['title'], [TITLE.replace('\u202e', '\\u{202e}').replace('\u200b', '\\u{200b}')], 'title')
        tap.expect_equal(data['event'], [alert['event']], 'event')
        tap.expect(len(message['data'] + message['msg']) < 8000, 'a message is too long')
        tap.expect_equal(data['tag'], ['odd.tag'], 'tag')
        tap.expect(message['msg'].startswith('\ufeff') and message['msg'][1:].isprintable(), repr(message['msg']))
        if alert['sentence'].isprintable() and '\ufffd' not in alert['sentence']:
            tap.expect_equal(message['msg'][1:], alert['sentence'], 'sentence')


def local_format(scene):
    already = len(scene.server.messages())
    tap.expect_equal(scene.notify(f'type: syslog, address: unix:{scene.work}/local, format: local, facility: local3'),
                     (0, 's: delivered'), 'notify')
    message = scene.server.wait(1, already)[0]
    tap.expect_equal((message['pri'], message['msg'].strip()),
                     ('156', 'this is a test alert of aulert (medium: Test alert)'), 'message')


def one(scene, settings):
    already = len(scene.server.messages())
    tap.expect_equal(scene.notify(f'type: syslog, {settings}'), (0, 's: delivered'), 'notify')
    tap.expect_equal(data_of(scene.server.wait(1, already)[0])[1]['level'], ['medium'], 'level')


def fails(scene, settings, *words):
    already = len(scene.server.messages())
    status, said = scene.notify(f'type: syslog, {settings}')
    tap.expect_equal(status, 1, f'exit status ({said})')
    for word in words:
        tap.expect(word in said, f'{word!r} is not in {said!r}')
    tap.expect_equal(len(scene.server.messages()), already, 'messages')


def settled(scene, already):
    """Every alert so far is in rsyslogd, and no more come; what rsyslogd has not read when it ends would be lost."""
    def quiet():
        alerts = scene.alerts()
        if {a['id'] for a in alerts} != {data_of(m)[1]['id'][0] for m in scene.server.messages()[already:]}:
            return False
        time.sleep(0.5)
        return len(alerts) > 2 and len(scene.alerts()) == len(alerts)
    tap.wait_for(quiet, 'all alerts in rsyslogd')


def down_and_up(scene, settings):
    """What cannot be delivered is said, and arrives when the server is back."""
    cut = scene.log.index(b'\n', 4000) + 1
    with scene.running(settings) as child:
        already = len(scene.server.messages())
        child.stdin.write(scene.log[:cut])
        child.stdin.flush()
        settled(scene, already)
        scene.server.stop()
        child.stdin.write(scene.log[cut:])
        child.stdin.flush()
        tap.wait_for(lambda: 's: alert not delivered' in scene.said(), 'word of the trouble')
        scene.server.start()
        settled(scene, already)


def main():
    aulert, captures = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o777)  # the process that delivers is a user of its own
        scene = Scene(aulert, captures, pathlib.Path(work))
        scene.server.start()
        ca, client = f'ca: {work}/ca.pem', f'cert: {work}/client.pem, key: {work}/client.key'
        sinks.give(f'{work}/client.key')
        unix, tcp = f'address: "unix:{work}/log"', f'address: "{scene.address("tcp")}"'
        tls = f'address: "{scene.address("tls")}"'
        mutual = f'address: "{scene.address("mutual")}"'
        try:
            return tap.run_cases([
                ('odd content over a Unix socket', lambda: odd_content(scene, unix)),
                ('odd content over TCP', lambda: odd_content(scene, tcp)),
                ('odd content over TLS', lambda: odd_content(scene, f'{tls}, {ca}')),
                ('the format of syslog(3)', lambda: local_format(scene)),
                ('TLS, with a certificate of ours', lambda: one(scene, f'{mutual}, {ca}, {client}')),
                ('TLS, an authority nobody trusts', lambda: fails(scene, tls, 'certificate')),
                ('TLS, another authority', lambda: fails(scene, f'{tls}, ca: {work}/other.pem', 'certificate')),
                ('TLS, another name', lambda: fails(
                    scene, f'address: "{scene.address("tls", "127.0.0.1")}", {ca}', "127.0.0.1", 'SSL')),
                ('TLS, to a port without', lambda: fails(
                    scene, f'address: "tls://localhost:{scene.server.ports["tcp"]}", {ca}, timeout: 2s', 'tls://')),
                ('a Unix socket, down and up', lambda: down_and_up(scene, unix)),
                ('TCP, down and up', lambda: down_and_up(scene, tcp)),
                ('TLS, down and up', lambda: down_and_up(scene, f'{tls}, {ca}')),
                ('nobody there', lambda: fails(scene, f'address: "unix:{work}/none"', 'No such file')),
            ], on_failure=scene.said)
        finally:
            scene.server.stop()


if __name__ == '__main__':
    sys.exit(main())
