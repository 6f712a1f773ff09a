#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The webhook sink against a server of Python's: what each preset sends, and what becomes of the answers."""
import email.utils
import hashlib
import hmac
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / 'lib'), str(pathlib.Path(__file__).resolve().parent)]
import pki  # noqa: E402
import sinks  # noqa: E402
import tap  # noqa: E402
from lib_http import HOST, Server, drop, endless, hang, status  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else str(TOP / 'build/aulert')
AUTHORITY = pki.Authority()
FOLDER = tempfile.TemporaryDirectory()
WORK = pathlib.Path(FOLDER.name)
WORK.chmod(0o755)  # the process that delivers is a user of its own


def configure(url, **options):
    path = WORK / 'aulert.yaml'
    path.write_text(json.dumps({'spool': 'memory', 'rules': [str(TOP / 'rules')], 'sinks': {'hook': {'type': 'webhook', 'url': url} | options}}))
    return path


def notify(url, **options):
    """Exit status, and what was said."""
    done = subprocess.run([PROGRAM, 'notify', '--config', configure(url, **options), 'hook'], capture_output=True,
                          text=True, timeout=tap.PATIENCE, check=False)
    return done.returncode, done.stdout + done.stderr


def expect_said(result, code, *words):
    tap.expect_equal(result[0], code, f'exit status, having said {result[1]!r}')
    for word in words:
        tap.expect(word in result[1], f'{word!r} is not in {result[1]!r}')
    tap.expect(result[1].count('\n') == 1, f'not one line: {result[1]!r}')


def sent(path='/hook', **options):
    """The one request that a test alert makes."""
    with Server() as server:
        expect_said(notify(server.url + path, **options), 0, 'hook: delivered')
        tap.expect_equal(len(server.requests), 1, 'requests')
        return server.requests[0]


def generic_is_the_alert():
    method, path, headers, body = sent('/a/b?c=d')
    tap.expect_equal((method, path), ('POST', '/a/b?c=d'), 'request')
    tap.expect_equal(headers.get_all('Content-Type'), ['application/json'], 'Content-Type')
    tap.expect_equal(headers.get_all('User-Agent'), ['aulert'], 'User-Agent')
    tap.expect_equal([h for h in headers if h.startswith(('X-', 'Auth'))], [], 'headers that nobody asked for')
    alert = json.loads(body)
    tap.expect_equal((alert['kind'], alert['sentence']), ('test', 'this is a test alert of aulert'), 'alert')


SENTENCE = 'this is a test alert of aulert\nmedium: Test alert, on '


def slack_gets_text():
    method, path, headers, body = sent('/services/T/B/x', preset='slack')
    message = json.loads(body)
    tap.expect_equal((method, path, headers['Content-Type']), ('POST', '/services/T/B/x', 'application/json'), 'request')
    tap.expect(message.pop('text').startswith(SENTENCE), body)
    tap.expect_equal(message, {'mrkdwn': False, 'unfurl_links': False, 'unfurl_media': False}, 'the rest')


def matrix_gets_an_event_with_an_id():
    token = WORK / 'token'
    token.write_text('syt_secret\n')
    token.chmod(0o600)
    sinks.give(token)
    room = '/_matrix/client/v3/rooms/!r%3Aexample.org/send/m.room.message'
    method, path, headers, body = sent(room, preset='matrix', token_file='token')
    message = json.loads(body)
    tap.expect_equal((method, path.rpartition('/')[0]), ('PUT', room), 'request')
    tap.expect_equal(len(path.rpartition('/')[2]), 32, 'length of the id')
    tap.expect_equal(headers.get_all('Authorization'), ['Bearer syt_secret'], 'Authorization')
    tap.expect(message.pop('body').startswith(SENTENCE), body)
    tap.expect_equal(message, {'msgtype': 'm.text'}, 'the rest')


def ntfy_gets_json_at_its_root():
    method, path, headers, body = sent('/sub/my_topic', preset='ntfy')
    message = json.loads(body)
    tap.expect_equal((method, path, headers['Content-Type']), ('POST', '/sub/', 'application/json'), 'request')
    tap.expect(message.pop('message').startswith(SENTENCE), body)
    tap.expect_equal(message, {'topic': 'my_topic', 'title': 'Test alert', 'priority': 3, 'tags': ['medium']}, 'the rest')


def templates_are_filled_in():
    _, _, headers, body = sent(template='{"a": {"text": "{level}: {sentence}"}, "id": "{id}", "none": "{exe}{keys}"}')
    message = json.loads(body)
    tap.expect_equal((len(message.pop('id')), message), (32, {'a': {'text': 'medium: this is a test alert of aulert'}, 'none': ''}), 'JSON')
    _, _, headers, body = sent(template='{title} on {host} {}{ x', headers={'Content-type': 'text/plain'})
    tap.expect_equal(headers.get_all('Content-Type'), ['text/plain'], 'Content-Type')
    tap.expect_equal(body.decode(), f'Test alert on {os.uname().nodename} {{}}{{ x', 'text')


HOSTILE = 'x"},\\"a":"b\r\n<!channel> & <https://evil.example|click> \u202e\x1b[2J {id} %s'


def alerts(**options):
    """What is sent for a login of an account with a hostile name."""
    log = (f'type=USER_LOGIN msg=audit(1795336288.106:1): pid=1 uid=0 auid=4294967295 ses=4294967295 msg=\'op=login '
           f'acct={HOSTILE.encode().hex().upper()} exe="/usr/sbin/sshd" hostname=? addr=192.0.2.7 terminal=sshd res=failed\'\n')
    with Server() as server:
        config = configure(server.url + options.pop('path', '/t'), **options)
        status_, said = sinks.run_until(PROGRAM, config, log, lambda: server.requests)
        tap.expect_equal((status_, len(server.requests)), (0, 1), f'exit status and requests, having said {said!r}')
        return server.requests[0][3], log


def hostile_content_stays_inside():
    body, log = alerts()
    sentence = json.loads(body)['sentence']
    tap.expect_equal(json.loads(body)['records'], [log[:-1]], 'records')
    tap.expect('<!channel> & <https' in sentence and '"' in sentence and '\u202e' in sentence, sentence)
    shown = sentence.replace('\u202e', '\\u{202e}')
    text = json.loads(alerts(preset='slack')[0])['text']
    tap.expect_equal(text.split('\n')[0], shown.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;'), 'text for Slack')
    room = '/_matrix/client/v3/rooms/!r/send/m.room.message'
    tap.expect_equal(json.loads(alerts(path=room, preset='matrix', headers={'Authorization': 'Bearer t'})[0])['body'].split('\n')[0], shown, 'text for Matrix')
    tap.expect_equal(json.loads(alerts(preset='ntfy')[0])['message'].split('\n')[0], shown, 'text for ntfy')
    filled = json.loads(alerts(template='{"s": "{sentence}", "r": "{records}"}')[0])
    tap.expect_equal(filled, {'s': sentence, 'r': log}, 'filled in template')
    filled = alerts(template='{sentence}', headers={'Content-Type': 'text/plain'})[0]
    tap.expect_equal(filled.decode(), shown, 'filled in text')


def signatures_can_be_verified():
    secret = WORK / 'secret'
    secret.write_text('k3y of ours\n')
    secret.chmod(0o400)
    sinks.give(secret)
    _, _, headers, body = sent(secret_file='secret', headers={'X-Team': 'gr\u00fcn', 'X-Empty': ' '})
    when = headers['X-Aulert-Timestamp']
    code = hmac.new(b'k3y of ours', when.encode() + b'.' + body, hashlib.sha256).hexdigest()
    tap.expect_equal(headers.get_all('X-Aulert-Signature'), [f'sha256={code}'], 'signature')
    tap.expect(abs(int(when) - time.time()) < 60, when)
    tap.expect_equal(headers['X-Team'].encode('latin-1').decode(), 'gr\u00fcn', 'a header of the user')
    secret.chmod(0o440)
    tap.expect_equal(len(sent(secret_file='secret')), 4, 'its own group may read it')
    secret.chmod(0o604)
    with Server() as server:
        expect_said(notify(server.url, secret_file='secret'), 1, f'not delivered: {secret}: holds a secret that others may read: chmod 600')
        tap.expect_equal(server.requests, [], 'requests')


def answers_become_verdicts():
    for code, body, verdict, words in [
            (200, b'', 'delivered', ''), (204, b'', 'delivered', ''), (299, b'odd', 'delivered', ''),
            (302, b'', 'refused', 'HTTP 302: redirects are not followed'),
            (400, b'\n\ninvalid_payload\nmore', 'refused', 'HTTP 400: invalid_payload\n'),
            (401, b'', 'refused', 'HTTP 401\n'), (404, b'no\x1b[2J\xff', 'refused', 'HTTP 404: no\\x1b[2J\ufffd\n'),
            (404, b'x' * 5000, 'refused', 'HTTP 404: ' + 'x' * 200 + '\n'), (410, b'', 'refused', 'HTTP 410'),
            (408, b'', 'not delivered', 'HTTP 408'), (425, b'', 'not delivered', 'HTTP 425'),
            (429, b'slow down', 'not delivered', 'HTTP 429: slow down'),
            (500, b'oops', 'not delivered', 'HTTP 500: oops'), (503, b'', 'not delivered', 'HTTP 503'),
    ]:
        with Server(status(code, body, Location='http://127.0.0.1:1/')) as server:
            expect_said(notify(server.url), verdict != 'delivered', f'hook: {verdict}{": " if words else ""}{words}')
            tap.expect_equal(len(server.requests), 1, f'requests that {code} got')


def connections_that_drop_are_tried_again():
    with Server(drop) as server:
        expect_said(notify(server.url), 1, 'hook: not delivered: ')
    expect_said(notify(f'http://{HOST}:1'), 1, 'hook: not delivered: ', 'connect')


def servers_that_hang_are_left_in_time():
    with Server(hang()) as server:
        result = notify(server.url, timeout='400ms')
        expect_said(result, 1, 'hook: not delivered: ', 'timed out')
    with Server(endless) as server:
        result = notify(server.url)
        expect_said(result, 0, 'hook: delivered')


def certificates_are_verified():
    ca, other = str(AUTHORITY.ca), pki.Authority()
    with Server(certificate=AUTHORITY.certificate(f'IP:{HOST}')) as server:
        expect_said(notify(server.url, ca=ca), 0, 'hook: delivered')
        expect_said(notify(server.url), 1, 'hook: not delivered', 'certificate')
        expect_said(notify(server.url, ca=str(other.ca)), 1, 'hook: not delivered', 'certificate')
        expect_said(notify(server.url, verify=False), 0, 'hook: delivered')
        tap.expect_equal(len(server.requests), 2, 'requests')
    with Server(certificate=AUTHORITY.certificate('DNS:elsewhere.example')) as server:
        expect_said(notify(server.url, ca=ca), 1, 'hook: not delivered', 'no alternative certificate subject name matches')
        tap.expect_equal(server.requests, [], 'requests')
    other.close()


def values_that_cannot_be_used_are_refused():
    room = 'https://a/_matrix/client/v3/rooms/!r/send/m.room.message'
    for options, words in [
            ({'url': 'ftp://a'}, 'url must be'), ({'url': 'http://a/\nX: y'}, 'url must be'), ({'url': 'http://u:p@a/'}, 'url must be'),
            ({'headers': {'X': 'a\r\nY: b'}}, 'headers must have values'), ({'headers': {'X Y': 'a'}}, 'headers must be a map'),
            ({'headers': {'content-LENGTH': '3'}}, 'are not for headers'),
            ({'headers': {'Authorization': 'a'}, 'token_file': 't'}, 'do not go together'),
            ({'template': '{sentense}'}, 'template has {sentense}'), ({'template': '{id}', 'preset': 'slack'}, 'do not go together'),
            ({'preset': 'teams'}, 'preset must be one of: generic, slack, matrix, ntfy'),
            ({'preset': 'ntfy', 'url': 'https://ntfy.sh/'}, 'must end in the name of a topic'),
            ({'preset': 'ntfy', 'url': 'https://ntfy.sh'}, 'must end in the name of a topic'),
            ({'preset': 'matrix', 'url': 'https://a/'}, 'url must be'), ({'preset': 'matrix', 'url': room + '?a=b'}, 'url must be'),
            ({'preset': 'matrix', 'url': room}, 'preset matrix needs token_file'),
            ({'timeout': '0'}, 'timeout must be between'), ({'verify': 'maybe'}, 'verify must be true or false'),
    ]:
        url = options.pop('url', 'http://localhost/t')
        code, said = notify(url, **options)
        tap.expect(code == 2 and words in said, f'{url} {options}: {code}, {said!r}')


def the_environment_names_no_proxy():
    os.environ.update(http_proxy='http://127.0.0.1:1', ALL_PROXY='socks5://127.0.0.1:1', CURL_CA_BUNDLE='/dev/null')
    sent()


if __name__ == '__main__':
    sys.exit(tap.run_cases([(f.__name__.replace('_', ' '), f) for f in (
        generic_is_the_alert, slack_gets_text, matrix_gets_an_event_with_an_id, ntfy_gets_json_at_its_root,
        templates_are_filled_in, hostile_content_stays_inside, signatures_can_be_verified, answers_become_verdicts,
        connections_that_drop_are_tried_again, servers_that_hang_are_left_in_time, certificates_are_verified,
        values_that_cannot_be_used_are_refused, the_environment_names_no_proxy)]))
