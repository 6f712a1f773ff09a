#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mail sink against SMTP servers: what arrives is what was sent, and what goes wrong is told in words."""
import email
import email.policy
import email.utils
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / 'lib'), str(pathlib.Path(__file__).resolve().parent)]
import pki  # noqa: E402
import sinks  # noqa: E402
import tap  # noqa: E402
from lib_smtp import DROP, HANG, HOST, Inbox, Script, Server  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else str(TOP / 'build/aulert')
AUTHORITY = pki.Authority()
FOLDER = tempfile.TemporaryDirectory()
WORK = pathlib.Path(FOLDER.name)
WORK.chmod(0o755)  # the process that delivers is a user of its own


def configure(port, scheme='smtp', **options):
    options = {'type': 'mail', 'to': ['root@localhost'], 'server': f'{scheme}://{HOST}:{port}', 'from': 'aulert@test.example'} | options
    path = WORK / 'aulert.yaml'
    path.write_text(json.dumps({'spool': 'memory', 'rules': [str(TOP / 'rules')], 'sinks': {'mail': options}}))
    return path


def notify(*args, **options):
    """Exit status, what was said, and how long it took."""
    start = time.monotonic()
    done = subprocess.run([PROGRAM, 'notify', '--config', configure(*args, **options), 'mail'], capture_output=True,
                          text=True, timeout=tap.PATIENCE, check=False)
    return done.returncode, done.stdout + done.stderr, time.monotonic() - start


def expect_said(result, status, *words):
    tap.expect_equal(result[0], status, f'exit status, having said {result[1]!r}')
    for word in words:
        tap.expect(word in result[1], f'{word!r} is not in {result[1]!r}')
    tap.expect(result[1].count('\n') == 1, f'not one line: {result[1]!r}')


def parse(envelope):
    raw = envelope.original_content
    tap.expect(all(len(line) <= 998 for line in raw.split(b'\r\n')), 'a line is longer than 998 bytes')
    tap.expect(b'\n' not in raw.replace(b'\r\n', b''), 'a bare LF')
    tap.expect(b'\r' not in raw.replace(b'\r\n', b''), 'a bare CR')
    tap.expect(b'\0' not in raw, 'a NUL')
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    tap.expect_equal([type(d).__name__ for part in mail.walk() for d in part.defects], [], 'defects of the mail')
    tap.expect_equal([d for v in mail.values() for d in v.defects], [], 'defects of its headers')
    return mail


HEADERS = ['Content-Type', 'Mime-Version', 'Date', 'From', 'To', 'Subject', 'Message-ID', 'Auto-Submitted']


def check_headers(mail, to):
    tap.expect_equal(sorted(mail.keys()), sorted(HEADERS), 'headers')
    tap.expect_equal(mail['from'], 'aulert@test.example', 'From')
    tap.expect_equal([a.addr_spec for a in mail['to'].addresses], to, 'To')
    tap.expect_equal(mail['auto-submitted'], 'auto-generated', 'Auto-Submitted')
    tap.expect(abs(email.utils.parsedate_to_datetime(mail['date']).timestamp() - time.time()) < 60, mail['date'])


def parts(mail):
    text, attachment = mail.iter_parts()
    tap.expect_equal(text.get_content_type(), 'text/plain', 'type of the text')
    tap.expect_equal((attachment.get_content_type(), attachment.get_filename()), ('application/json', 'alert.json'), 'attachment')
    return text.get_content().replace('\r\n', '\n'), json.loads(attachment.get_content())


def a_test_alert_arrives():
    with Server(Inbox()) as server:
        expect_said(notify(server.port, to=['root@localhost', 'bob@example.com']), 0, 'mail: delivered')
        (envelope, tls), = server.inbox.mails
    tap.expect(not tls, 'TLS')
    tap.expect_equal((envelope.mail_from, envelope.rcpt_tos), ('aulert@test.example', ['root@localhost', 'bob@example.com']), 'envelope')
    mail = parse(envelope)
    check_headers(mail, envelope.rcpt_tos)
    tap.expect_equal(mail['subject'], '[aulert] medium: this is a test alert of aulert', 'Subject')
    text, alert = parts(mail)
    tap.expect_equal(alert['kind'], 'test', 'kind')
    tap.expect(re.fullmatch(f'<{alert["id"]}@[\\w.-]+>', mail['message-id']), mail['message-id'])
    tap.expect(text.startswith('this is a test alert of aulert\n\nTime:    '), text)


MISLEADING = re.compile('[\0-\x1f\x7f-\x9f\xad\u061c\u180e\ufeff\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufff9-\ufffb\U000e0000-\U000e0fff]')


def inert(text):
    """What the program makes of a text where people read it."""
    return MISLEADING.sub(lambda m: f'\\x{ord(m[0]):02x}' if ord(m[0]) < 0x100 else f'\\u{{{ord(m[0]):x}}}', text)


def cut(text, most=400):
    raw = text.encode()
    return text if len(raw) <= most else raw[:most].decode(errors='ignore') + '…'


HOSTILE = [
    'a\r\nBcc: victim@example.com\r\n\r\nforged body',
    'a\0b\x1b[2J\x07\x9b31m',
    'zwölf Boxkämpfer jagen Viktor ' + '\u6f22\u5b57' * 150,
    '=?utf-8?b?QmNjOiB4?= =?utf-8?q?=0D=0AX:_y?=',
    '.\r\n.\r\nMAIL FROM:<x@y>\r\n',
    '\u202egnp.exe \u200b\u2028x',
    '.' * 900,
    ' leading and trailing  ',
    '\n--------------------------\nRule:    forged\n',
    'ends in a long line ' + 'x' * 1200,
    '\U0001f4a3' * 120,
]


def record(number, account):
    """A login of nobody by that name, as sshd's record has it, and a line of dots that no line of a mail may begin with."""
    when = 1795336287 + number
    return (f'type=USER_LOGIN msg=audit({when}.106:{number}): pid=1 uid=0 auid=4294967295 ses=4294967295 '
            f"msg='op=login acct={account.encode().hex().upper()} exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.7 terminal=sshd res=failed' "
            f'note={"." * 2000}\n')


def hostile_content_arrives_as_it_was():
    log = ''.join(record(n, name) for n, name in enumerate(HOSTILE, 1))
    with Server(Inbox()) as server:
        status, said = sinks.run_until(PROGRAM, configure(server.port), log, lambda: len(server.inbox.mails) >= len(HOSTILE))
        tap.expect_equal(status, 0, f'exit status, having said {said!r}')
        mails = [parse(envelope) for envelope, _ in server.inbox.mails]
    tap.expect_equal(len(mails), len(HOSTILE), f'mails, having said {said!r}')
    for mail in mails:
        check_headers(mail, ['root@localhost'])
        text, alert = parts(mail)
        number = int(alert['event'].partition(':')[2])
        name, sentence = HOSTILE[number - 1], inert(alert['sentence'])
        if name.isprintable():
            tap.expect(name[:60] in alert['sentence'], f'{alert["sentence"]!r} has no {name!r}')
        tap.expect_equal(mail['subject'], cut(f'[aulert] {alert["level"]}: {sentence}'), 'Subject')
        lines = text.split('\n')
        tap.expect_equal(lines[0], sentence, 'first line')
        tap.expect_equal([line for line in lines if line.startswith('Rule:')],
                         [f'Rule:    {alert["rule"]["title"]} ({alert["rule"]["id"]})'], 'rules')
        tap.expect_equal(alert['records'], [record(number, name)[:-1]], 'records in the attachment')
        tap.expect_equal(lines[lines.index('The records of the event:') + 2:-1], alert['records'], 'records in the text')
        tap.expect(f'Event:   {alert["event"]}' in lines, text)
    for line in (line for mail in mails for line in re.findall('Subject:.*?\n(?! )', str(mail.as_bytes(), 'ascii'), re.S)):
        tap.expect(all(len(part) <= 76 for part in line.split('\n')), line)


def one_of_several_recipients_is_refused():
    with Server(Inbox(rcpt={'nobody@example.com': '550 5.1.1 no such user'})) as server:
        expect_said(notify(server.port, to=['root@localhost', 'nobody@example.com', 'bob@example.com']), 0,
                    'mail: delivered: not to nobody@example.com: 550 5.1.1 no such user')
        tap.expect_equal(server.inbox.mails[0][0].rcpt_tos, ['root@localhost', 'bob@example.com'], 'recipients')
        expect_said(notify(server.port, to=['nobody@example.com']), 1, 'mail: refused: nobody@example.com: 550')


def answers_become_verdicts():
    """What is refused for good, and what is tried again: the word before the colon says which."""
    for words, wanted, answers in [
            ('MAIL FROM: 550 no', 'refused', {'MAIL': b'550 no\r\n'}),
            ('MAIL FROM: 451 later', 'not delivered', {'MAIL': b'451 later\r\n'}),
            ('MAIL FROM: 530 log in first', 'not delivered', {'MAIL': b'530 log in first\r\n'}),
            ('root@localhost: 550 no', 'refused', {'RCPT': b'550 no\r\n'}),
            ('root@localhost: 450 gray', 'not delivered', {'RCPT': b'450 gray\r\n'}),
            ('DATA: 554 spam', 'refused', {'body': b'554-this is\r\n554 spam\r\n'}),
            ('DATA: 452 disk', 'not delivered', {'body': b'452 disk\r\n'}),
            ('connecting: 554 not you', 'not delivered', {'greeting': b'554 not you\r\n'}),
            ('DATA: 554 \\x1b[2J\\x07', 'refused', {'body': b'554 \x1b[2J\x07\r\n'}),
    ]:
        with Script(**answers) as server:
            result = notify(server.port)
            expect_said(result, 1, words, f'mail: {wanted}: ')


def connections_that_drop_are_tried_again():
    for where in ('greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'body'):
        with Script(**{where: DROP}) as server:
            expect_said(notify(server.port), 1, 'mail: not delivered: ')


def servers_that_hang_are_left_in_time():
    for where in ('greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'body'):
        with Script(**{where: HANG}) as server:
            result = notify(server.port, timeout='400ms')
            expect_said(result, 1, 'mail: not delivered: ', ' time')


def nobody_waits_for_the_answer_to_quit():
    """libcurl would, with the whole loop, for two minutes."""
    for status, answers in ((0, {}), (1, {'RCPT': b'550 no\r\n'}), (1, {'body': b'554 no\r\n'})):
        with Script(QUIT=HANG, **answers) as server:
            result = notify(server.port)
            expect_said(result, status)
            tap.expect(result[2] < 60, f'took {result[2]:.1f} s')
            tap.wait_for(lambda server=server: 'QUIT' in server.heard, 'QUIT')


def certificates_are_verified():
    good, wrong = AUTHORITY.certificate(f'IP:{HOST}'), AUTHORITY.certificate('DNS:elsewhere.example')
    ca, other = str(AUTHORITY.ca), pki.Authority()
    for smtps in (False, True):
        scheme = 'smtps' if smtps else 'smtp'
        with Server(Inbox(), good, smtps) as server:
            expect_said(notify(server.port, scheme, ca=ca, starttls='require'), 0, 'mail: delivered')
            tap.expect(smtps or server.inbox.mails[0][1], 'not by TLS')
            expect_said(notify(server.port, scheme, starttls='require'), 1, 'mail: not delivered', 'certificate')
            expect_said(notify(server.port, scheme, ca=str(other.ca), starttls='require'), 1, 'not delivered', 'certificate')
            tap.expect_equal(len(server.inbox.mails), 1, 'mails')
        with Server(Inbox(), wrong, smtps) as server:
            expect_said(notify(server.port, scheme, ca=ca, starttls='require'), 1, 'mail: not delivered', 'no alternative certificate subject name matches')
            tap.expect_equal(server.inbox.mails, [], 'mails')
    other.close()


def starttls_is_as_asked():
    with Server(Inbox()) as server:
        expect_said(notify(server.port, starttls='require'), 1, 'mail: not delivered', 'STARTTLS')
        expect_said(notify(server.port), 0)  # loopback: as it comes
    with Server(Inbox(), AUTHORITY.certificate('DNS:elsewhere.example')) as server:
        expect_said(notify(server.port), 0)  # encrypted, and nobody's certificate will do
        tap.expect(server.inbox.mails.pop()[1], 'try: not by TLS')
        expect_said(notify(server.port, starttls='never'), 0)
        tap.expect(not server.inbox.mails.pop()[1], 'never: by TLS')
        expect_said(notify(server.port, starttls='try', ca=str(AUTHORITY.ca)), 1, 'no alternative certificate subject name matches')


def logins_come_from_a_file():
    secret = WORK / 'password'
    secret.write_text('opensesame \n')
    secret.chmod(0o600)
    sinks.give(secret)
    good = {'user': 'ali', 'password_file': 'password', 'ca': str(AUTHORITY.ca)}
    with Server(Inbox(), AUTHORITY.certificate(f'IP:{HOST}'), login=(b'ali', b'opensesame '), need_tls=True) as server:
        expect_said(notify(server.port, **good), 0, 'mail: delivered')
        expect_said(notify(server.port, ca=good['ca']), 1, 'mail: not delivered: MAIL FROM: 530')
        expect_said(notify(server.port, **good | {'user': 'baba'}), 1, 'mail: not delivered: AUTH: 535')
        expect_said(notify(server.port, **good | {'password_file': 'none'}), 1, f'{WORK}/none: No such file')
        os.chown(secret, 0, 0)
        expect_said(notify(server.port, **good), 1, 'cannot be read by the user that delivers')
        sinks.give(secret)
        secret.chmod(0o604)
        result = notify(server.port, **good)
        expect_said(result, 1, f'mail: not delivered: {secret}: holds a secret that others may read: chmod 600')
        tap.expect_equal(len(server.inbox.mails), 1, 'mails')


def values_that_end_a_header_are_refused():
    for options, words in [
            ({'user': 'a'}, 'user and password_file go together'), ({'password_file': 'a'}, 'user and password_file go together'),
            ({'to': ['a@b\r\nRCPT TO:<c@d>']}, 'to must be like'), ({'from': 'a@b\nX: y'}, 'from must be like'),
            ({'to': ['a b@c']}, 'to must be like'), ({'to': ['<a@b>']}, 'to must be like'),
            ({'subject_prefix': 'a\nBcc: x'}, 'subject_prefix must be one line'), ({'user': 'a\nb'}, 'user must be one line'),
            ({'server': 'smtp://a/\r\nQUIT'}, 'server must be'), ({'server': 'http://a'}, 'server must be'),
            ({'server': 'smtp://u:p@a'}, 'server must be'), ({'server': 'localhost:25'}, 'server must be'),
            ({'timeout': '1h'}, 'timeout must be between'), ({'starttls': 'maybe'}, 'starttls must be one of'),
    ]:
        status, said, _ = notify(25, **options)
        tap.expect(status == 2 and words in said, f'{options}: {status}, {said!r}')
    path = configure(25)
    path.write_text('sinks: { mail: { type: mail } }\n')
    said = subprocess.run([PROGRAM, 'check', path], capture_output=True, text=True, check=False)
    tap.expect('1:16: error: a sink of type mail needs to' in said.stdout + said.stderr, said.stdout + said.stderr)


def the_ready_example_mails_on_a_key():
    text = (TOP / 'examples/mail-on-key.yaml').read_text()
    with Server(Inbox()) as server:
        for old, new in (('/usr/local/share/aulert/rules', str(TOP / 'rules')), ('localhost:25', f'{HOST}:{server.port}')):
            tap.expect_equal(text.count(old), 1, f'{old} in the example')
            text = text.replace(old, new)
        (WORK / 'example.yaml').write_text('spool: memory\n' + text)
        log = (TOP / 'test/captures/rules/audit-key.log').read_text()
        status, said = sinks.run_until(PROGRAM, WORK / 'example.yaml', log, lambda: server.inbox.mails)
        tap.expect_equal(status, 0, said)
        mails = [parts(parse(envelope))[1] for envelope, _ in server.inbox.mails]
    tap.expect(mails and all('watch' in alert['keys'] for alert in mails), [alert['keys'] for alert in mails])


def the_environment_names_no_proxy():
    os.environ.update(all_proxy='socks5://127.0.0.1:1', ALL_PROXY='socks5://127.0.0.1:1')
    with Server(Inbox()) as server:
        expect_said(notify(server.port), 0)


if __name__ == '__main__':
    sys.exit(tap.run_cases([(f.__name__.replace('_', ' '), f) for f in (
        a_test_alert_arrives, hostile_content_arrives_as_it_was, one_of_several_recipients_is_refused,
        answers_become_verdicts, connections_that_drop_are_tried_again, servers_that_hang_are_left_in_time,
        nobody_waits_for_the_answer_to_quit, certificates_are_verified, starttls_is_as_asked, logins_come_from_a_file,
        values_that_end_a_header_are_refused, the_ready_example_mails_on_a_key,
        the_environment_names_no_proxy)]))
