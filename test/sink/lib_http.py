# SPDX-License-Identifier: LGPL-2.1-or-later
"""An HTTP server on loopback that keeps what it is asked, and answers as it is told."""
import http.server
import ssl
import threading
import time

HOST = '127.0.0.1'


class Server:
    """@answers: functions of the handler, one a request, the last one for all others. `requests`: (method, path, headers, body)."""

    def __init__(self, *answers, certificate=None):
        self.requests, answers = [], answers or (status(200),)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
                outer.requests.append((self.command, self.path, self.headers, body))
                answers[min(len(outer.requests), len(answers)) - 1](self)

            do_POST = do_PUT = do_GET = handle_any  # noqa: N815

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Quiet((HOST, 0), Handler)
        self.port = self.server.server_address[1]
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f'http{"s" if certificate else ""}://{HOST}:{self.port}'

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def status(code, body=b'', **headers):
    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace('_', '-'), value)
        handler.send_header('Content-Length', str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    return answer


def hang(seconds=600):
    return lambda handler: time.sleep(seconds)


def drop(handler):
    handler.close_connection = True


def endless(handler):
    """A 200 whose body never ends."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b'x' * 65536)
    except OSError:
        handler.close_connection = True
