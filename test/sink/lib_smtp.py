# SPDX-License-Identifier: LGPL-2.1-or-later
"""SMTP servers on loopback: aiosmtpd, and one that follows a script."""
import logging
import socket
import ssl
import threading
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, SMTP

HOST = '127.0.0.1'
logging.disable()  # what is to fail here fails on the server's side too
warnings.simplefilter('ignore')


class Inbox:
    """An aiosmtpd handler that keeps what it gets; @rcpt and @data: answers in the place of 250."""

    def __init__(self, rcpt=None, data=None):
        self.rcpt, self.data = rcpt or {}, data
        self.mails = []

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address in self.rcpt:
            return self.rcpt[address]
        envelope.rcpt_tos.append(address)
        return '250 fine'

    async def handle_DATA(self, _server, session, envelope):
        if self.data:
            return self.data
        self.mails.append((envelope, session.ssl is not None))
        return '250 taken'


class Server:
    """aiosmtpd with an Inbox. @certificate: (chain, key), offered by STARTTLS or, with @smtps, from the start."""

    def __init__(self, inbox, certificate=None, smtps=False, login=None, need_tls=False):
        self.inbox = inbox
        context = None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)

        def authenticate(_server, _session, _envelope, _mechanism, data):
            return AuthResult(success=(data.login, data.password) == login, handled=False)

        class Own(Controller):
            def factory(self):
                more = {'tls_context': context} if context and not smtps else {}
                return SMTP(inbox, authenticator=authenticate if login else None, auth_required=login is not None,
                            auth_require_tls=False, require_starttls=need_tls, enable_SMTPUTF8=False, **more)

        with socket.create_server((HOST, 0)) as free:
            self.port = free.getsockname()[1]
        self.controller = Own(inbox, hostname=HOST, port=self.port, ssl_context=context if smtps else None)

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *_):
        self.controller.stop()


GOOD = {'': b'220 here\r\n', 'EHLO': b'250 here\r\n', 'MAIL': b'250 ok\r\n', 'RCPT': b'250 ok\r\n', 'DATA': b'354 go\r\n',
        '.': b'250 taken\r\n', 'QUIT': b'221 bye\r\n'}
HANG, DROP = object(), object()


class Script:
    """Answers each command by a table; HANG and DROP are answers too. `heard` are the commands it got."""

    def __init__(self, **answers):
        self.answers = GOOD | {{'greeting': '', 'body': '.'}.get(k, k): v for k, v in answers.items()}
        self.heard = []
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.listener.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def answer(self, connection, what):
        answer = self.answers.get(what, b'502 what?\r\n')
        if answer is HANG:
            self.over.wait(600)
        elif answer is not DROP:
            connection.sendall(answer)
            return True
        return False

    def talk(self, connection):
        with connection, connection.makefile('rb') as lines:
            try:
                going, body = self.answer(connection, ''), False
                while going:
                    line = lines.readline().decode('latin-1').rstrip('\r\n')
                    if body and line != '.':
                        continue
                    word = line[:4].upper()
                    self.heard.append(word)
                    if not line:
                        return
                    going = self.answer(connection, word)
                    body = going and word == 'DATA' and self.answers['DATA'].startswith(b'3')
            except OSError:
                pass
