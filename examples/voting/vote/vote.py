"""The page to vote at. Votes go into a list in Redis, where the worker fetches them."""
import html
import json
import os
import secrets
import signal
import socket
import sys
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import redis

OPTIONS = {'a': os.environ.get('OPTION_A', 'Cats'), 'b': os.environ.get('OPTION_B', 'Dogs')}
store = redis.Redis('redis', socket_connect_timeout=2, socket_timeout=2)

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
  body {{ font: 1.2rem sans-serif; max-width: 30rem; margin: 3rem auto; padding: 0 1rem; text-align: center }}
  button {{ display: block; width: 100%; margin: 1rem 0; padding: 2rem; font: inherit; border: 0; border-radius: .5rem;
    color: #fff; cursor: pointer }}
  .a {{ background: #1a7f64 }} .b {{ background: #2b5c9e }}
  .chosen {{ outline: .3rem solid #f2b705 }} small {{ color: #666 }}
</style>
<h1>{title}</h1>
<form method="post">{buttons}</form>
<p>{thanks}</p>
<small>You may change your mind. Answered by container {host}.</small>
"""


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, self.voter(), None)

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers.get('Content-Length', 0))).decode())
        choice, voter = form.get('vote', [''])[0], self.voter()
        if choice not in OPTIONS:
            return self.send_error(400, f'vote is one of: {", ".join(OPTIONS)}')
        try:
            store.rpush('votes', json.dumps({'voter': voter, 'vote': choice}))
        except redis.RedisError as error:
            return self.send_error(503, 'The vote could not be taken, please try again', str(error))
        self.answer(200, voter, choice)

    def voter(self):
        """Who votes: one browser has one vote."""
        cookie = SimpleCookie(self.headers.get('Cookie', ''))
        return cookie['voter'].value if 'voter' in cookie else secrets.token_hex(8)

    def answer(self, status, voter, choice):
        title = html.escape(' or '.join(OPTIONS.values()) + '?')
        buttons = ''.join(
            f'<button name="vote" value="{key}" class="{key}{" chosen" * (key == choice)}">{html.escape(name)}</button>'
            for key, name in OPTIONS.items()
        )
        thanks = f'Thank you for your vote for {html.escape(OPTIONS[choice])}.' if choice else ''
        body = PAGE.format(title=title, buttons=buttons, thanks=thanks, host=socket.gethostname()).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'text/html; charset=utf-8')
        self.send_header('Content-Length', str(len(body)))
        self.send_header('Set-Cookie', f'voter={voter}; HttpOnly; SameSite=Lax')
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit())
ThreadingHTTPServer(('', 80), Page).serve_forever()
