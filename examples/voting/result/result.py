"""The page with the result, as it stands in PostgreSQL; the numbers alone are at /votes."""
import html
import json
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2

OPTIONS = {'a': os.environ.get('OPTION_A', 'Cats'), 'b': os.environ.get('OPTION_B', 'Dogs')}

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Result</title>
<style>
  body {{ font: 1.2rem sans-serif; max-width: 30rem; margin: 3rem auto; padding: 0 1rem; text-align: center }}
  div {{ padding: 1rem 0; margin: 1rem 0; border-radius: .5rem; color: #fff; white-space: nowrap; min-width: 9rem;
    transition: width .5s }}
  #a {{ background: #1a7f64 }} #b {{ background: #2b5c9e }} small {{ color: #666 }}
</style>
<h1>Result</h1>
<div id="a"></div><div id="b"></div>
<p id="total"></p>
<small>Answered by container {host}.</small>
<script>
  const names = {names};
  async function show() {{
    const answer = await fetch('votes').catch(() => undefined);
    if (answer?.ok) {{
      const votes = await answer.json(), all = votes.a + votes.b;
      for (const key of ['a', 'b']) {{
        const bar = document.getElementById(key);
        bar.textContent = names[key] + ': ' + votes[key];
        bar.style.width = (all ? 100 * votes[key] / all : 50) + '%';
      }}
      document.getElementById('total').textContent = all + (all === 1 ? ' vote' : ' votes');
    }} else document.getElementById('total').textContent = 'The result cannot be read just now.';
    setTimeout(show, 1000);
  }}
  show();
</script>
"""


def votes():
    """How many votes each option has."""
    database = psycopg2.connect(
        host='db', user='postgres', password=os.environ['POSTGRES_PASSWORD'], connect_timeout=2
    )
    try:
        with database.cursor() as cursor:
            cursor.execute('SELECT vote, count(*) FROM votes GROUP BY vote')
            return {key: 0 for key in OPTIONS} | dict(cursor.fetchall())
    finally:
        database.close()


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/':
            names = json.dumps(OPTIONS).replace('<', '\\u003c')
            return self.answer('text/html; charset=utf-8', PAGE.format(names=names, host=html.escape(socket.gethostname())))
        if self.path == '/votes':
            try:
                return self.answer('application/json', json.dumps(votes()))
            except psycopg2.Error as error:
                return self.send_error(503, 'The database does not answer', str(error))
        self.send_error(404)

    def answer(self, kind, text):
        body = text.encode()
        self.send_response(200)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit())
ThreadingHTTPServer(('', 80), Page).serve_forever()
